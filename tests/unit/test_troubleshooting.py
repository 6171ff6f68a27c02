"""TROUBLESHOOTING.md knows every error that the project can print, and none that it cannot.

The errors are read from the source: texts of at least four words. Each is looked for by the longest of its fixed parts.
"""

import re
from pathlib import Path

import messages
import pytest

from cloudlab.model import settings

# Modules of stores, of which the same holds.
STORES = {
    "objects": "what is declared wrongly, and changes in words",
    "checks": "lines of a table that has a column for the way to mend it",
    "oneshot": "commands of a shell",
    "queries": "questions to a server",
}
# Whose texts are no errors of their own, and why.
PASSED_OVER = {
    "plugins/callback/": "what a run shows while all is well",
    "src/cloudlab/docs/reference.py": "text of the generated documents",
    "src/cloudlab/engine/machine.py": "the ways out at the end of messages of engine.py and preflight.py",
    "src/cloudlab/containers/spec.py": "below `Nothing was changed, for this is wrong`: each says what is wanted",
    "src/cloudlab/containers/values.py": "the same",
    "src/cloudlab/containers/difference.py": "why a container is made anew: not an error",
    "src/cloudlab/compose/example.py": "text of .env.example",
    "src/cloudlab/compose/files.py": "text of the compose files",
    "src/cloudlab/compose/layout.py": "headings of the Compose files",
    "src/cloudlab/model/platform.py": "below `services.<name>.<key>`: each says what is wanted",
    "src/cloudlab/model/placeholders.py": "the same",
    "src/cloudlab/model/extension.py": "below the file and key of the description: each says what is expected",
    "src/cloudlab/gateway/model.py": "below `routes of`: each says what is wanted",
    "src/cloudlab/gateway/listener.py": "configuration of Envoy",
    "src/cloudlab/compose/placeholders.py": "why settings are fixed; its errors are explained",
    "src/cloudlab/validate/": "lines of a table that has a column for the way to mend it",
    **{path.as_posix(): STORES[path.stem] for path in messages.everything() if path.stem in STORES},
}

# Texts between errors that are none, or parts of one that is known by another part.
NO_ERRORS = {
    "  building the image of …",
    "\nEverything at a glance: …\n",
    # The form of an error.
    "\nERROR: …\n       --help prints what there is.\n",
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
    "packages were asked for",
    "no space left on device",
    "server=$(command -v postgres) && exec \"${server%/*}/psql\" \"$@\"",
    "select json_agg(datname) from pg_database;",
    "the database system is",
    "server closed the connection",
    "… | sort by (_time)",
    "(request_id:=… or _msg:…)",
    # The ways out that follow a finding.
    "It is not touched. If nobody needs it: …; or choose another CLOUDLAB_INSTANCE in .env.",
    "Bring it down first: docker compose down; or choose another CLOUDLAB_INSTANCE in .env.",
    "Free some space; `docker system df` shows what the engine holds.",
    "It runs, slower under load; mend it with: sudo sysctl -w vm.max_map_count=…",
    "./scripts/logs.sh shows them all the same; an engine in this distribution (docker.io) has no such limit.",
    "Stop that program, or choose another port or PORT_OFFSET in .env.",
    # Why a container is converged, shown with --diff.
    "is not a file",
    "has mode … instead of …",
    "networks: its default network … is not in the specification",
    "network … is not connected",
    "network … is not in the specification",
    "network … was made anew",
    "network … knows it under other aliases",
    "the specification has changed",
    "…: left by an interrupted run, or renamed",
    "it was never started",
    "it has exited with code …",
    "its health check fails",
    "it is to be absent",
    "it is to be stopped",
    "it does not exist",
}  # fmt: skip

EVERYTHING = messages.everything()
TEXTS = {
    path: [text for text in texts if text not in NO_ERRORS]
    for path, texts in EVERYTHING.items()
    if not path.as_posix().startswith(tuple(PASSED_OVER))
}


def plain(text):
    """Words alone: neither markup nor how lines are broken."""
    return " ".join(re.sub(r"[`*\\]", "", text).split())


# Those of scripts, of the dashboard and of the builder are not told apart from the rest of their text.
PATTERNS = ("scripts/**/*.sh", "roles/*/files/*.js", "files/reload/**/*.go")
WHOLE = [path for pattern in PATTERNS for path in settings.ROOT.glob(pattern)]
SAID = plain(
    "\n".join(
        [
            *(path.read_text(encoding="utf-8") for path in WHOLE),
            *(text for texts in EVERYTHING.values() for text in texts),
        ]
    )
)
GUIDE = (settings.ROOT / "TROUBLESHOOTING.md").read_text(encoding="utf-8")
# The first column of the tables, and quotations between them.
ROWS = re.findall(r"^\| (?!it says|---)(.+?) \|", GUIDE, re.MULTILINE)
QUOTED = plain("\n".join(ROWS + re.findall(r'"([^"]+)"', re.sub(r"^\|.*", "", GUIDE, flags=re.MULTILINE))))


def clauses(text):
    """What of a message's first sentence a person would look for: its parts between what is filled in."""
    first = re.split(r"(?<=[^ …])\. (?=[A-Z…])", plain(text))[0]
    parts = [part.strip() for part in re.split(r"[…;:,.?()]", first)]
    longest = max(len(part.split()) for part in parts)
    return [part for part in parts if len(part.split()) >= min(3, longest)]


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_every_error_is_explained(path):
    assert [text for text in TEXTS[path] if not any(clause in QUOTED for clause in clauses(text))] == []


@pytest.mark.parametrize("row", ROWS)
def test_nothing_is_explained_that_nobody_says(row):
    """Its parts between semicolons are texts or parts of them; numbers are the status of an answer to a client."""
    for quotation in re.split(r"; |, with ", re.sub(r"^\d{3}: ", "", plain(row))):
        for part in quotation.split(messages.GAP):
            assert part.strip(" .,:{}") in SAID


@pytest.mark.parametrize("prefix", PASSED_OVER)
def test_what_is_passed_over_exists(prefix):
    assert any(path.as_posix().startswith(prefix) for path in EVERYTHING), prefix


def test_a_text_that_is_no_error_exists():
    assert NO_ERRORS - {text for texts in EVERYTHING.values() for text in texts} == set()


def test_texts_are_read_with_gaps(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('"""No error at all."""\nraise E(f"the port {port} is " "taken by another")\nfew = "two words"\n')
    assert list(messages.of_python(path)) == ["the port … is taken by another"]
    path.write_text('die "$1 needs root, and $(id) lacks it."\nwarn "${x}"\n')
    assert list(messages.of_script(path)) == ["… needs root, and … lacks it."]
    path.write_text("- block:\n  - ansible.builtin.fail: {msg: 'broken: {{ x }}'}\n")
    assert list(messages.of_tasks(Path(path))) == ["broken: …"]
