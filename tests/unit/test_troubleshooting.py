"""TROUBLESHOOTING.md explains every error that the project can print, and no others.

Errors are texts of at least four words in the source. Each is identified by the longest of its fixed parts.
"""

import re
from pathlib import Path

import messages
import pytest

from cloudlab.model import settings

# Exempt modules of every store.
STORES = {
    "objects": "problems of declarations, and descriptions of changes",
    "checks": "rows of the validation report, which has a fix for each",
    "oneshot": "shell commands",
    "queries": "queries",
}
# Exempt paths, and why.
EXEMPT = {
    "plugins/doc_fragments/": "documentation of options",
    "src/cloudlab/docs/reference.py": "text of the generated documents",
    "src/cloudlab/engine/machine.py": "fixes at the end of messages of engine.py and preflight.py",
    "src/cloudlab/containers/declaration.py": "below `The container specifications are invalid`",
    "src/cloudlab/containers/options.py": "the same",
    "src/cloudlab/containers/values.py": "the same",
    "src/cloudlab/containers/difference.py": "why a container is recreated: not an error",
    "src/cloudlab/compose/example.py": "text of .env.example",
    "src/cloudlab/compose/files.py": "text of the Compose files",
    "src/cloudlab/compose/layout.py": "headings of the Compose files",
    "src/cloudlab/model/platform.py": "below `services.<name>.<key>`: each says how to fix it",
    "src/cloudlab/model/gosource.py": "the same",
    "src/cloudlab/model/declarations.py": "the same, and descriptions of the JSON Schemas",
    "src/cloudlab/model/scalars.py": "the same",
    "src/cloudlab/model/placeholders.py": "the same",
    "src/cloudlab/model/extension.py": "below the file and key of the description: each says what is expected",
    "src/cloudlab/gateway/model.py": "below `services.<name>.routes`: each says how to fix it",
    "src/cloudlab/gateway/listener.py": "configuration of Envoy",
    "src/cloudlab/compose/placeholders.py": "why settings are fixed; its errors are explained",
    "src/cloudlab/validate/": "rows of the validation report, which has a fix for each",
    **{path.as_posix(): STORES[path.stem] for path in messages.everything() if path.stem in STORES},
}

# Texts that are not errors, or parts of an error that is identified by another part.
NO_ERRORS = {
    "  building the image of …",
    # The form of an error.
    "\nERROR: …\n       Run it with --help for its usage.\n",
    "(its content is secret)\n",
    "(a copy of …)\n",
    "  its last log lines (`docker logs …` has more):",
    "its last log lines:",
    "(no reason in its log)",
    "error initializing configuration '/…': ",
    "curl --silent --show-error --fail --max-time 30 --output /dev/null … --data @-",
    "the last attempt returns or raises",
    "attempt … of … (…)",
    "it was not asked",
    "no space left on device",
    "server=$(command -v postgres) && exec \"${server%/*}/psql\" \"$@\"",
    "select json_agg(datname) from pg_database;",
    "the database system is",
    "server closed the connection",
    "… | sort by (_time)",
    "(request_id:=… or _msg:…)",
    # Fixes of preflight problems.
    "If it is not needed, remove it with `…`; otherwise set another CLOUDLAB_INSTANCE in .env.",
    "Stop it with `docker compose down`, or set another CLOUDLAB_INSTANCE in .env.",
    "Free some space. `docker system df` shows what the engine uses.",
    "It is slower under load. To raise the limit: sudo sysctl -w vm.max_map_count=…",
    "Use ./scripts/logs.sh, or an engine in this distribution (package docker.io).",
    "Stop it, or set another port or PORT_OFFSET in .env.",
    "-o br-+ -m conntrack --ctorigdst 127.0.0.0/8 -j DROP",
    "-o br-+ ! -i br-+ -m conntrack --ctstate NEW -m conntrack ! --ctstate DNAT -j DROP",
    "sudo iptables -I DOCKER-USER …",
    # Reasons for changing a container, shown with --diff.
    "is not a regular file",
    "has mode … instead of …",
    "networks: its default network … is not in the specification",
    "is not in the specification",
    "has other aliases for it",
    "the specification has changed",
    "…: left over from an interrupted run, or renamed",
    "it was never started",
    "it exited with code …",
    "its health check fails",
    "state absent was requested",
    "state stopped was requested",
    "it does not exist",
}  # fmt: skip

EVERYTHING = messages.everything()
TEXTS = {
    path: [text for text in texts if text not in NO_ERRORS]
    for path, texts in EVERYTHING.items()
    if not path.as_posix().startswith(tuple(EXEMPT))
}


def plain(text):
    """The text without markup and line breaks."""
    return " ".join(re.sub(r"[`*\\]", "", text).split())


# Errors of scripts, the dashboard, Adminer's page, the builder and the seeding are not separated from their other text.
PATTERNS = (
    "scripts/**/*.sh", "roles/*/files/*.js", "roles/*/templates/*.php.j2", "files/reload/**/*.go",
    "files/platform/internal/seed/*.go",
)  # fmt: skip
FILES = [path for pattern in PATTERNS for path in settings.ROOT.glob(pattern)]
SAID = plain(
    "\n".join(
        [
            *(path.read_text(encoding="utf-8") for path in FILES),
            *(text for texts in EVERYTHING.values() for text in texts),
        ]
    )
)
GUIDE = (settings.ROOT / "TROUBLESHOOTING.md").read_text(encoding="utf-8")
# The first column of the tables, and quotations between them.
ROWS = re.findall(r"^\| (?!message |---)(.+?) \|", GUIDE, re.MULTILINE)
QUOTED = plain("\n".join(ROWS + re.findall(r'"([^"]+)"', re.sub(r"^\|.*", "", GUIDE, flags=re.MULTILINE))))


def clauses(text):
    """The fixed parts of a message's first sentence, which users search for."""
    first = re.split(r"(?<=[^ …])\. (?=[A-Z…])", plain(text))[0]
    parts = [part.strip() for part in re.split(r"[…;:,.?()]", first)]
    longest = max(len(part.split()) for part in parts)
    return [part for part in parts if len(part.split()) >= min(3, longest)]


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_every_error_is_explained(path):
    assert [text for text in TEXTS[path] if not any(clause in QUOTED for clause in clauses(text))] == []


@pytest.mark.parametrize("row", ROWS)
def test_every_explained_error_exists(row):
    """Parts between semicolons are texts or parts of them; a leading number is the status of an HTTP response."""
    for quotation in re.split(r"; |, with ", re.sub(r"^\d{3}: ", "", plain(row))):
        for part in quotation.split(messages.GAP):
            assert part.strip(" .,:{}") in SAID


@pytest.mark.parametrize("prefix", EXEMPT)
def test_exempt_paths_exist(prefix):
    assert any(path.as_posix().startswith(prefix) for path in EVERYTHING), prefix


def test_exempt_texts_exist():
    assert NO_ERRORS - {text for texts in EVERYTHING.values() for text in texts} == set()


def test_texts_are_read_with_gaps(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('"""No error at all."""\nraise E(f"the port {port} is " "taken by another")\nfew = "two words"\n')
    assert list(messages.of_python(path)) == ["the port … is taken by another"]
    path.write_text('die "$1 needs root, and $(id) lacks it."\nwarn "${x}"\n')
    assert list(messages.of_script(path)) == ["… needs root, and … lacks it."]
    path.write_text("- block:\n  - ansible.builtin.fail: {msg: 'broken: {{ x }}'}\n")
    assert list(messages.of_tasks(Path(path))) == ["broken: …"]
