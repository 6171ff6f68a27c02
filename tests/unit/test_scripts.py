"""The scripts: help, rejected arguments, and the calls of playbooks and modules.

They are run as a user would run them: from another folder, in a checkout whose path has a space, without the Python
environment in the path.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.sh"))
# What is not theirs goes to ansible-playbook, which refuses it.
PASSING_ON = {"setup.sh"}
# In place of ansible-playbook: a line for each of its arguments.
PLAYBOOK = "#!/bin/sh\nprintf '%s\\n' \"$@\"\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project whose ansible-playbook prints its arguments."""
    folder = tmp_path_factory.mktemp("a checkout")
    for part in ("scripts", "tests/communication", "tests/bench", "tests/support", "files/platform/api"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "ansible-playbook").write_text(PLAYBOOK, encoding="utf-8")
    # Not a link, because Python finds its packages by its path.
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    stamps = ["requirements.txt", "requirements-dev.txt"]
    for name in [*stamps, "pyproject.toml"]:
        shutil.copy(ROOT / name, folder / name)
    made = "; ".join(f'venv_recipe {name} >"$(venv_stamp {name})"' for name in stamps)
    subprocess.run(["bash", "-c", f'source "$1/scripts/lib/python.sh"; {made}', "bash", folder], check=True)
    return folder


@pytest.fixture
def run(checkout, tmp_path):
    """Run a script of the copy in another directory."""

    def call(script, *arguments):
        return subprocess.run(
            [checkout / "scripts" / script, *arguments],
            cwd=tmp_path,
            # Help and errors of the command line need no engine.
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nobody"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_printed(run, script):
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout.lower()


@pytest.mark.parametrize("script", sorted(set(SCRIPTS) - PASSING_ON))
def test_unknown_arguments_are_rejected(run, script):
    done = run(script, "--no-such-thing")
    assert done.returncode != 0
    assert "--no-such-thing" in done.stderr
    assert "--help" in done.stderr


CALLS = [
    ("validate.sh", [], ["playbooks/validate.yml", "--check", {"format": "table", "output": ""}]),
    (
        "validate.sh",
        ["--tags", "kafka,order", "--since=10m", "--seeded"],
        [
            "playbooks/validate.yml",
            "--check",
            {"format": "table", "output": "", "since": "10m", "seeded": "small"},
            "--tags",
            "kafka,order",
        ],
    ),
    (
        "validate-environment.sh",
        ["--seeded=large"],
        ["playbooks/validate.yml", "--check", {"format": "table", "output": "", "seeded": "large"}],
    ),
    (
        "validate-database-setup.sh",
        ["--seeded"],
        [
            "playbooks/validate.yml",
            "--check",
            {"format": "table", "output": "", "stores_only": "true", "seeded": "small"},
        ],
    ),
    ("reset.sh", ["everything"], ["playbooks/reset.yml", "level=everything"]),
    (
        "reset.sh",
        ["data", "postgres", "redis", "--yes"],
        ["playbooks/reset.yml", "level=data", "components=postgres,redis", "confirm=yes"],
    ),
]


def _words(output):
    """The arguments without --extra-vars, with parsed settings."""
    words = [line for line in output.splitlines() if line != "--extra-vars"]
    return [json.loads(word) if word.startswith("{") else word for word in words]


@pytest.mark.parametrize(("script", "arguments", "called"), CALLS, ids=lambda value: "")
def test_it_calls_a_playbook(run, script, arguments, called):
    done = run(script, *arguments)
    assert done.returncode == 0, done.stderr
    assert _words(done.stdout) == called


@pytest.fixture
def usable_engine(checkout, tmp_path):
    """Make the engine appear usable, and put mmdebstrap into `tmp_path`."""
    question = checkout / "scripts" / "lib" / "engine_state.py"
    text = question.read_text(encoding="utf-8")
    question.write_text("", encoding="utf-8")
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "mmdebstrap").chmod(0o755)
    yield
    question.write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("usable_engine")
def test_setup_passes_its_arguments_to_the_playbook(checkout, tmp_path):
    done = subprocess.run(
        [checkout / "scripts" / "setup.sh", "--tags", "kafka", "--check"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == ["playbooks/dev.yml", "--tags", "kafka", "--check"]


def test_the_report_is_written_to_the_file(run, tmp_path):
    done = run("validate.sh", "--format", "junit", "--output", "a report.xml")
    assert {"format": "junit", "output": str(tmp_path / "a report.xml")} in _words(done.stdout)


def test_without_a_file_only_the_report_is_printed(run):
    done = run("validate.sh", "--format=json")
    assert done.stdout == ""
    assert "playbooks/validate.yml" in done.stderr


def test_a_diagnostic_report_needs_no_engine(run, tmp_path):
    done = run("validate.sh", "--report")
    assert f"wrote {tmp_path}/cloudlab-report.md" in done.stdout + done.stderr
    report = (tmp_path / "cloudlab-report.md").read_text(encoding="utf-8")
    assert "the socket ~/nobody does not exist" in report
    assert "playbooks/validate.yml" in report


def test_go_tests_with_stores_run_on_the_images_that_were_made(run):
    steps = run("test.sh", "--list").stdout.split()
    assert steps.index("images") < steps.index("platform-stores")
    fast = run("test.sh", "--fast", "--only", "platform-stores")
    assert "unknown step: platform-stores" in fast.stderr
    for step in ("gofumpt", "go-vet", "staticcheck", "reload", "platform"):
        assert step in fast.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["validate.sh", "--format", "xml"], "unknown format: xml"),
        (["validate.sh", "--format", "json", "--report"], "--report and --format json exclude each other"),
        (["validate.sh", "--tags"], "--tags needs a value"),
        (["reset.sh"], "LEVEL is missing"),
        (["reset.sh", "all"], "unknown argument: all"),
    ],
    ids=lambda value: "",
)
def test_an_invalid_value_is_rejected(run, arguments, told):
    done = run(*arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "--help" in done.stderr
