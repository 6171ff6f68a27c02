"""Extracts the commands of the documents, and runs them in an instance for tests."""

import re
import shlex
import subprocess
from pathlib import Path

from lab import ROOT, Lab

from cloudlab.lifecycle import preflight

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

# What another test runs, and which.
PROVEN_ELSEWHERE = {
    "./scripts/setup.sh": "molecule fresh-debian12 and fresh-debian13",
    "./scripts/setup.sh --tags kafka": "tests/unit/test_scripts.py, which looks where the arguments go",
    "./scripts/setup.sh --check": "the same; dev.yml --check is run below",
    "pre-commit install": "tests/unit/test_hooks.py, in a repository of its own",
    "./scripts/test.sh": "this is it",
    "./scripts/test.sh --fast": "its first steps are this suite's first steps",
    "./scripts/test.sh --only unit": "tests/unit, a step of this suite",
    "./scripts/test.sh --only images --only platform-stores": "steps of this suite",
    "./scripts/test-service-communication.sh": "molecule platform",
    "docker logs -f cloudlab-order": "docker logs cloudlab-order, but endless",
    "./scripts/bench.sh": "tests/unit/test_bench.py; its figures are no assertions",
    "ansible-playbook playbooks/engine.yml": "molecule fresh-debian12, through setup.sh",
    "molecule converge --scenario-name default": "molecule default",
    "molecule verify --scenario-name default": "molecule default",
    "molecule destroy --scenario-name default": "molecule default",
    **{
        f"sudo iptables -I DOCKER-USER {rule}": "integration, containers/test_neighbours.py"
        for rule in preflight.NEIGHBOUR_RULES
    },
    "sudo systemctl edit docker": "opens an editor",
    "sudo apt-get install mmdebstrap": "roles/engine installs it in molecule fresh-debian12",
    "sudo apt-get install gcc libc6-dev": "scripts/test.sh installs them itself",
    "sudo systemctl start docker": "needs a service manager as PID 1",
    "docker system prune": "would remove containers and networks of this machine that are not ours",
    "docker image prune": "would remove images of this machine that are not ours",
    "docker logs": "a pattern",
    "docker restart": "a pattern",
    "docker logs <container>": "a pattern",
    "./scripts/logs.sh": "molecule observability, as all of these",
    "./scripts/logs.sh order payment --level warn": "molecule observability",
    "./scripts/logs.sh --since 1h --grep 'card.*declined'": "molecule observability",
    "./scripts/logs.sh --request-id 6c54a7eb-9049-4540-8d6d-abe2f3a1c001": "molecule observability",
    "./scripts/logs.sh --once --json --since 10m": "molecule observability",
    "./scripts/validate.sh": "molecule validate, as all of these",
    "./scripts/validate.sh --tags kafka,order": "molecule validate",
    "./scripts/validate.sh --report": "molecule validate",
    "./scripts/validate.sh --format junit --output report.xml": "molecule validate",
    "docker system df": "only looks",
    "docker network ls": "only looks",
    "docker network prune": "would remove networks of this machine that are not ours",
    "cp .env.example .env && docker compose up -d": "molecule compose, as everything with Docker Compose",
    "docker compose down": "molecule compose",
    "docker compose down --volumes": "molecule compose",
    "docker compose -f docker-compose.yml up -d": "molecule compose",
    "docker compose up -d postgres-init": "molecule compose",
    "docker compose up -d": "molecule compose",
    "docker compose logs -f builder": "endless",
    "docker compose logs postgres-init": "only looks",
    "ansible-playbook playbooks/export.yml": "tests/unit/compose/test_committed.py",
    "./scripts/screenshots.sh": "molecule default, into a folder of its own",
    "sudo dnf install python3.12 moby-engine": "Fedora's, as in tests/unit/test_setup_scripts.py",
    "sudo systemctl enable --now docker": "Fedora's",
    'sudo usermod -aG docker "$USER"': "Fedora's",
    "./scripts/logs.sh --request-id …": "a pattern",
    "docker kill --signal QUIT cloudlab-order": "molecule platform, which looks for the stacks",
    "docker login": "asks for a password",
    "ansible-playbook playbooks/lock.yml": "molecule registry, into a file of its own",
    "docker context ls": "only looks",
    "docker context use default": "would change the user's setting",
    "sudo apt-get install docker.io mmdebstrap": "roles/engine installs them in molecule fresh-debian12",
    "ansible-playbook playbooks/dev.yml --tags <component>": "a pattern",
    "docker logs cloudlab-gateway": "docker logs cloudlab-order, of another container",
    "docker logs cloudlab-kafka": "docker logs cloudlab-order, of another container",
}

# What tests/integration/test_documentation.py runs, in this order.
SEQUENCE = [
    "./scripts/test.sh --list",
    ". .venv/bin/activate",
    "python -m pytest --quiet tests/unit/test_dotenv.py",
    "ansible-doc -t module containers",
    "ansible-playbook playbooks/document.yml",
    "ansible-playbook playbooks/dev.yml",
    "cd files/platform && TEST_DATABASE_URL=postgres://cloudlab:development@127.0.0.1:5432/cloudlab "
    "go test -count=1 -tags=integration ./services/inventory",
    "ansible-playbook playbooks/dev.yml --check --diff",
    "ansible-playbook playbooks/describe.yml",
    "ansible-playbook playbooks/describe.yml -e format=json",
    "docker exec cloudlab-postgres pg_dumpall -U postgres > dump.sql",
    "ansible-playbook playbooks/reset.yml -e level=data -e components=postgres",
    "ansible-playbook playbooks/reset.yml -e level=component -e components=kafka",
    "ansible-playbook playbooks/reset.yml -e level=data -e components=zookeeper",
    "ansible-playbook playbooks/dev.yml",
    "docker exec -i cloudlab-postgres psql -U postgres -d postgres < dump.sql",
    "ansible-playbook playbooks/stop.yml",
    "./scripts/reset.sh everything",
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
