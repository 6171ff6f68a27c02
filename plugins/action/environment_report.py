"""Wait for what still starts, and show what runs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from ansible.plugins.action import ActionBase

from cloudlab import engine, report
from cloudlab.containers import waiting
from cloudlab.environment import LABEL_INSTANCE
from cloudlab.stores import readiness

LOG_LINES = 15
PAGE = "environment.json"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "environment": {"type": "dict", "required": True},
                "access": {"type": "dict", "default": {}},
                "timeout": {"type": "int", "default": 0},
                "waived": {"type": "list", "elements": "str", "default": []},
            }
        )
        environment = options["environment"]
        try:
            docker = engine.connect()
        except engine.EngineError as error:
            return result | {"failed": True, "msg": str(error)}
        listed = _listed(docker, environment["instance"])
        problems = []
        if options["timeout"] and not self._task.check_mode:
            problems = _wait(docker, environment, listed, options["timeout"], set(options["waived"]))
            listed = _listed(docker, environment["instance"])
        rows = report.rows(environment, options["access"], listed, options["waived"])
        # The worker's display reaches the terminal at once, and stays readable with every output callback.
        self._display.display("\n" + report.table(rows, environment["unavailable"]) + "\n")
        page = {"instance": environment["instance"], "components": rows, "unavailable": environment["unavailable"]}
        if not self._task.check_mode:
            file = Path(environment["directory"]) / PAGE
            _write(file, page | {"components": rows + report.others(_read(file), rows, listed)})
        if problems:
            return result | {"failed": True, "msg": "The environment is not whole:\n" + "\n".join(problems), **page}
        return result | {"changed": False, **page}


def _listed(docker, instance):
    return docker.client.containers(all=True, filters={"label": f"{LABEL_INSTANCE}={instance}"})


def _wait(docker, environment, listed, timeout, waived):
    """Wait until every chosen container but the `waived` is healthy; a message for each that does not become so."""
    by_name = {item["Names"][0].lstrip("/"): item for item in listed}
    watcher = waiting.Watcher(docker)
    problems = []
    for name in (name for name in environment["chosen"] if name not in waived):
        container = by_name.get(environment["components"][name]["container"])
        if container is None:
            problems.append(f"  - {name}: its container does not exist. Converge it: --tags {name}")
        elif report.state(container) != "healthy":
            watcher.add(environment["components"][name]["container"], container["Id"], timeout)
    while len(watcher):
        for name, trouble in watcher.poll().items():
            if trouble:
                lines = readiness.last_lines(docker.client, name, LOG_LINES)
                problems.append("\n      ".join([f"  - {name}: {trouble}", *lines]))
        time.sleep(waiting.ROUND_SECONDS if len(watcher) else 0)
    return problems


def _read(path):
    """The rows of the page as the last run left it; none when there is no page."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["components"]
    except (FileNotFoundError, ValueError, KeyError):
        return []


def _write(path, page):
    """Keep the page for programs; it holds passwords, so only its owner may read it."""
    text = json.dumps(page, indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
