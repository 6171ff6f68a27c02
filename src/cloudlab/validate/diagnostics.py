"""The diagnostic report: what somebody else needs to know about this machine to explain a fault on it.

    python -m cloudlab.validate.diagnostics --checks FILE --log FILE   prints the report as Markdown

It is written whatever is broken: an engine that does not answer and settings that are invalid are parts of the report.
Passwords, generated secrets and the name of the home directory are left out.
"""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from docker import APIClient

from cloudlab import engine
from cloudlab.cli.arguments import Parser
from cloudlab.containers.difference import HIDDEN, Redactor
from cloudlab.engine import causes, listing, machine, waiting
from cloudlab.model import catalogue, environment, secrets, settings
from cloudlab.model.environment import name_of
from cloudlab.model.problems import ProblemsError

LOG_LINES = 20  # of a container
RUN_LINES = 60  # of the validation
PACKAGES = ("ansible-core", "ansible", "docker", "requests")
# Of GET /info, besides the facts that the project derives from it.
INFO = (
    "Driver",
    "LoggingDriver",
    "CgroupDriver",
    "DefaultRuntime",
    "LiveRestoreEnabled",
    "SecurityOptions",
    "Warnings",
)
_SECRET_KEY = re.compile(r"^\s*(?:export\s+)?(\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*)\s*=(.*)$", re.MULTILINE)

Section = Callable[[], Iterable[str]]


def main(arguments: list[str]) -> int:
    """Print the report."""
    parser = Parser(prog="scripts/validate.sh --report")
    parser.add_argument(
        "--checks", type=Path, required=True, help="results of the validation as JSON, if it got so far"
    )
    parser.add_argument("--log", type=Path, required=True, help="output of the validation")
    options = parser.parse_args(arguments)
    print(report(os.environ, _read(options.checks), _read(options.log)))
    return 0


def report(environ: Mapping[str, str], checks: str, log: str) -> str:
    """The report. checks: the validation's results as JSON; empty if it failed before. log: its output."""
    values, invalid = _settings(environ)
    instance = values["cloudlab_instance"]
    sections: dict[str, Section] = {
        "Cloudlab": _version,
        "Machine": _machine,
        "Engine": lambda: _engine(environ),
        "Settings": lambda: invalid or _chosen(values),
        "Containers": lambda: _containers(environ, instance),
        "Failed checks": lambda: _failed(checks),
        "Output of the validation": lambda: log.splitlines()[-RUN_LINES:],
    }
    text = "# Diagnostic report\n" + "".join(_section(title, write) for title, write in sections.items())
    return _redacted(text, environ, values, instance)


def _section(title: str, write: Section) -> str:
    """A section; what cannot be found out is no reason to leave out the others."""
    try:
        lines = list(write())
    except Exception as error:
        lines = [f"{type(error).__name__}: {error}"]
    text = "\n".join(line.rstrip() for line in lines or ["none"])
    return f"\n## {title}\n\n```text\n{text}\n```\n"


def _settings(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """(values, problems): the chosen settings, and why they are invalid."""
    defaults = {"cloudlab_instance": catalogue.committed("instance")["cloudlab_instance"]}
    try:
        return defaults | settings.load(environ), []
    except ProblemsError as error:
        return defaults, error.problems


def _version() -> Iterable[str]:
    yield f"version: {importlib.metadata.version('cloudlab')}"
    command = ["git", "-C", str(settings.ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    yield f"commit: {done.stdout.strip() or done.stderr.strip()}"


def _machine() -> Iterable[str]:
    yield f"system: {platform.platform()}"
    if Path("/etc/os-release").exists():
        yield f"distribution: {platform.freedesktop_os_release()['PRETTY_NAME']}"
    yield f"CPUs: {os.cpu_count()}"
    yield f"Python: {platform.python_version()}"
    for name in PACKAGES:
        yield f"{name}: {importlib.metadata.version(name)}"


def _engine(environ: Mapping[str, str]) -> Iterable[str]:
    with engine.connect(environ) as connected:
        info = connected.client.info()
        yield f"address: {connected.address}"
        yield f"version: {connected.version['Version']}, API {'.'.join(map(str, connected.api))}"
        facts = machine.engine_facts(info, connected.address, machine.System.current())
        yield from (f"{name}: {value}" for name, value in facts.items())
        yield from (f"{name}: {info.get(name)}" for name in INFO)
        yield f"registry mirrors: {len((info.get('RegistryConfig') or {}).get('Mirrors') or [])}"


def _chosen(values: Mapping[str, Any]) -> Iterable[str]:
    hidden = settings.passwords(values)
    for name, value in sorted(values.items()):
        yield f"{name.upper()}={HIDDEN if name in hidden else value}"


def _containers(environ: Mapping[str, str], instance: str) -> Iterable[str]:
    with engine.connect(environ) as connected:
        client = connected.client
        for item in sorted(listing.of_instance(client, instance), key=name_of):
            if container := listing.or_none(client.inspect_container, item["Id"]):
                yield from _container(client, name_of(item), container)


def _container(client: APIClient, name: str, container: Mapping[str, Any]) -> Iterable[str]:
    """A line for a healthy container; the cause and the last log lines of another one."""
    state, image = container["State"], container["Config"]["Image"]
    health = (state.get("Health") or {}).get("Status", "")
    yield f"{name}: {state['Status']} {health}, restarts {container.get('RestartCount', 0)}, {image}"
    if state["Status"] == "running" and health == "healthy":
        return
    yield f"    {waiting.health_problem(state) if state['Status'] == 'running' else causes.ending(state)}"
    yield from (f"    | {line}" for line in causes.last_lines(client, container["Id"], LOG_LINES))


def _failed(checks: str) -> Iterable[str]:
    if not checks:
        yield "The validation ended before its checks; its output below has the cause."
        return
    for check in json.loads(checks)["checks"]:
        if check["state"] == "FAILED":
            yield f"{check['area']}, {check['subject']}: {check['text']}"


def _redacted(text: str, environ: Mapping[str, str], values: Mapping[str, Any], instance: str) -> str:
    """The text without what must not leave this machine."""
    found = set(secrets.generated(environment.directory(settings.ROOT, instance) / "secrets"))
    # The committed passwords are public, and their value is a common word.
    public = set(catalogue.committed("credentials").values())
    found |= {str(values[name]) for name in values if name.endswith("_password")}
    found |= {value for key, value in environ.items() if _SECRET_KEY.match(f"{key}=")}
    file = settings.env_file(environ)
    found |= {value.strip().strip("'\"") for _, value in _SECRET_KEY.findall(_read(file) if file else "")}
    return Redactor(found - public).file(text).replace(str(Path.home()), "~")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
