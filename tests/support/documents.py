"""Extracts the commands of the documents, and runs them in an instance for tests."""

import re
import shlex
import subprocess
from pathlib import Path

from lab import ROOT, Lab

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", ".github/*.md", ".github/ISSUE_TEMPLATE/*")
    for path in ROOT.glob(pattern)
)
PROGRAMS = (
    "./scripts/", "ansible-playbook ", "ansible-doc ", "molecule ", "docker ", "sudo ", "curl ", ". .venv",
    "python -m ", "pre-commit ",
)  # fmt: skip
# The name and ports of the default instance in the documents.
NAME, ADDRESS = "cloudlab-", re.compile(r"127\.0\.0\.1:(\d+)")

# Commands that need the services; the Molecule scenario `platform` runs them.
OF_THE_PLATFORM = [
    "ansible-playbook playbooks/dev.yml --tags kafka,order",
    "ansible-playbook playbooks/seed.yml -e size=small",
    "./scripts/validate-database-setup.sh",
    "curl -s http://127.0.0.1:8080/api/v1/categories",
    "curl -s 'http://127.0.0.1:8080/api/v1/search?q=headphones'",
    "curl -s http://127.0.0.1:8080/.well-known/oauth-authorization-server",
    "docker exec -it cloudlab-postgres psql -U postgres -d cloudlab -c "
    """'SET ROLE "order"; SELECT state, count(*) FROM "order".orders GROUP BY state'""",
    "docker exec -it cloudlab-redis redis-cli -a development --no-auth-warning keys '*'",
    "curl -s http://127.0.0.1:8085/readyz",
    "docker inspect --format '{{json .Config.Env}}' cloudlab-order",
    "docker logs cloudlab-order",
    "docker logs cloudlab-builder",
]


def sessions() -> list[str]:
    """Blocks whose commands depend on each other, and run in one shell."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS]
    return [block for text in texts for block in re.findall(r"```sh session\n(.*?)```", text, re.DOTALL)]


def documented() -> set[str]:
    """The commands of all documents: lines of shell blocks, and inline code that begins with a known program."""
    found = set()
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            found.update(line.strip() for line in block.splitlines() if line.strip())
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        found.update(code for code in re.findall(r"`([^`\n]+)`", prose) if code.startswith(PROGRAMS))
    return found


def run(lab: Lab, command: str, folder: Path) -> str:
    """Run a command; relative file names are in `folder`. Returns its output."""
    written = command.replace(f" {NAME}", f" {lab.instance}-").replace("dump.sql", f"{folder}/dump.sql")
    # There is no terminal here.
    written = written.replace("docker exec -it ", "docker exec ")
    offset = int(lab.values["port_offset"])
    written = ADDRESS.sub(lambda found: f"127.0.0.1:{int(found[1]) + offset}", written)
    # A failed request or session is an error.
    written = f"set -euo pipefail; {written.replace('curl -s ', 'curl -fsS ')}"
    if "reset.yml" in written:
        written += " -e confirm=yes"
    if "reset.sh" in written:
        written += " --yes"
    done = subprocess.run(
        ["bash", "-c", f"cd {shlex.quote(str(ROOT))} && {written}"],
        env=lab.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
