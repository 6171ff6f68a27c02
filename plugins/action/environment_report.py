"""Wait for the components, and report the environment. Documentation: plugins/modules/environment_report.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.engine import causes, listing, usage, waiting
from cloudlab.lifecycle import report

PAGE = "environment.json"
KEYS = {"instance", "profile", "engine", "converged", "components", "unavailable"}
FORMATS = ("table", "json")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "environment": {"type": "dict", "required": True},
                "access": {"type": "dict", "default": {}},
                "views": {"type": "dict", "default": {}},
                "timeout": {"type": "int", "default": 0},
                "waived": {"type": "list", "elements": "str", "default": []},
                "failures": {"type": "dict", "default": {}},
                "measure": {"type": "bool", "default": False},
                "format": {"type": "str", "choices": FORMATS, "default": "table"},
                "overview": {"type": "str", "default": ""},
                "copy": {"type": "path", "default": ""},
                "mode": modes.ARGUMENT,
            }
        )
        environment = options["environment"]
        if options["mode"] == modes.DESCRIBE:
            return result | modes.describe(task_vars, folders={options["copy"]: {PAGE: _text(_static_page(options))}})
        try:
            docker = engine.connect()
        except engine.EngineError as error:
            return result | {"failed": True, "msg": str(error)}
        listed = listing.of_instance(docker.client, environment["instance"])
        failures = dict(options["failures"])
        converging = bool(options["timeout"]) and not self._task.check_mode
        if converging:
            waived = {*options["waived"], *failures}
            failures |= _wait(docker, environment, listed, options["timeout"], waived)
            listed = listing.of_instance(docker.client, environment["instance"])
        file = Path(environment["directory"]) / PAGE
        used = _memory(docker, listed) if options["measure"] else {}
        page, rows = _page(environment, options, listed, used, failures, _read(file))
        if converging:
            page["converged"] = datetime.now(UTC).isoformat(timespec="seconds")
        # The worker's display prints at once, and is readable with every output callback.
        self._display.display(_shown(page, rows, options))
        if not self._task.check_mode:
            _write(file, page, 0o600)
            if options["copy"] and Path(options["copy"]).is_dir():
                _write(Path(options["copy"]) / PAGE, page, 0o640)
        result |= {"failed_components": failures, **page}
        if failures:
            return result | {"failed": True, "msg": report.failure_message(failures)}
        return result | {"changed": False}


def _page(environment, options, listed, used, failures, earlier):
    """The complete report, and the rows of this run."""
    unavailable = report.unavailable(environment, earlier.get("unavailable", {}))
    rows = [
        row
        for row in report.rows(environment, options["access"], listed, used, options["waived"], failures)
        if row["component"] not in unavailable
    ]
    others = report.others(earlier.get("components", []), rows, listed, used)
    return {
        "instance": environment["instance"],
        "profile": environment["profile"],
        "engine": {name: environment["engine"][name] for name in ("version", "operating_system")},
        "converged": earlier.get("converged", ""),
        "components": report.with_views(rows + others, options["views"]),
        "unavailable": unavailable,
    }, rows


def _static_page(options):
    """The report of an exported environment."""
    environment = options["environment"]
    return {
        "instance": environment["instance"],
        "composed": True,
        "components": report.static_rows(environment, options["access"], options["views"], options["waived"]),
        "unavailable": {},
    }


def _shown(page, rows, options):
    """The output of the task."""
    if options["format"] == "json":
        return json.dumps(page, indent=2)
    text = "\n" + report.table(rows, page["unavailable"]) + "\n"
    if address := report.address(page["components"], options["overview"]):
        text += f"\nDashboard: {address}\n"
    return text


def _memory(docker, listed):
    """Running container -> bytes in use."""
    running = {name: item["Id"] for name, item in report.by_name(listed).items() if item["State"] == "running"}
    return {name: usage.memory(stats) for name, stats in usage.sample(docker.client, running).items()}


def _wait(docker, environment, listed, timeout, waived):
    """Wait until the chosen components except `waived` are healthy; failed component -> cause and last log lines."""
    by_name = report.by_name(listed)
    watcher = waiting.Watcher(docker.client)
    failures = {}
    for name in (name for name in environment["chosen"] if name not in waived):
        container = by_name.get(environment["components"][name]["container"])
        if container is None:
            failures[name] = f"its container does not exist. Run: ansible-playbook playbooks/dev.yml --tags {name}"
        elif report.state(container) != "healthy":
            watcher.add(name, container["Id"], timeout)
    for name, error in watcher.finish().items():
        lines = causes.last_lines(docker.client, environment["components"][name]["container"])
        failures[name] = "\n".join([f"its container {error}", *lines])
    return failures


def _read(path):
    """The report of the last run; empty if there is none, or if another version wrote it."""
    try:
        page = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return page if page.keys() >= KEYS else {}


def _text(page):
    return json.dumps(page, indent=2) + "\n"


def _write(path, page, mode):
    """Write the report. It contains passwords, so that access is limited to `mode`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(_text(page), encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)
