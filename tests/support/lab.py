"""An instance for tests: its settings, its objects on the engine, and runs of the playbooks.

The process environment sets the instance, as for a user: CLOUDLAB_INSTANCE, PORT_OFFSET, and all other settings.
"""

import functools
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import yaml

import playbooks
from cloudlab.model import environment, platform, settings

ROOT = Path(__file__).resolve().parents[2]
# Prefixes of the names of instances for tests.
TEST_INSTANCES = ("molecule-", "test-")
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    """The result of a playbook: exit status, output, and duration in seconds."""

    status: int
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        """The number of changed tasks."""
        return int(self._recap()["changed"])

    def _recap(self) -> Mapping[str, str]:
        lines = re.findall(r"^localhost\s*: (ok=.*)$", self.output, re.MULTILINE)
        assert lines, f"no recap in:\n{self.output}"
        return dict(re.findall(r"(\w+)=(\d+)", lines[-1]))


class Lab:
    """The instance that `environ` names."""

    def __init__(self, environ: Mapping[str, str] | None = None):
        self.environ = dict(os.environ if environ is None else environ) | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            # The output is parsed.
            "NO_COLOR": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        }
        self.client = docker.APIClient(version="auto", timeout=120)

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        """All settings and the catalogue, as in a playbook."""
        values = settings.load(self.environ)
        # Tests stop, alter and remove containers, which must never be those of a user.
        assert values.get("cloudlab_instance", "").startswith(TEST_INSTANCES), "CLOUDLAB_INSTANCE is not one for tests"
        for file in sorted((ROOT / "group_vars" / "all").glob("*.yml")):
            values = yaml.safe_load(file.read_text(encoding="utf-8")) | values
        values = {name: option["default"] for name, option in settings.of_platform(values).items()} | values
        values["catalogue"] = platform.complete(values["catalogue"], values).components
        return values

    @property
    def instance(self) -> str:
        """The instance's name."""
        return self.values["cloudlab_instance"]

    @property
    def directory(self) -> Path:
        """The directory of its generated files."""
        return environment.directory(ROOT, self.instance)

    def component(self, name: str) -> dict[str, Any]:
        """The component in the environment's facts."""
        return environment.component(name, self.values, "full", {"cpus": os.cpu_count() or 1})

    def port(self, component: str, port: str) -> int:
        """The published port on 127.0.0.1."""
        return self.component(component)["ports"][port]["host"]

    def container(self, component: str) -> str:
        """The container's name."""
        return self.component(component)["container"]

    # Playbooks

    def playbook(self, name: str, *arguments: str, status: int | None = 0, **settings: str) -> Run:
        """Run playbooks/<name>.yml; `settings` are set in its process environment. `status` None accepts any."""
        return self.run(ROOT / "playbooks" / f"{name}.yml", *arguments, status=status, **settings)

    def run(self, playbook: Path, *arguments: str, status: int | None = 0, **settings: str) -> Run:
        """Run a playbook by its path."""
        begun = time.monotonic()
        done = playbooks.run(["--inventory", ROOT / "inventory", playbook, *arguments], self.environ | settings)
        run = Run(done.returncode, done.stderr + done.stdout, time.monotonic() - begun)
        assert status is None or run.status == status, f"exit status {run.status} instead of {status}:\n{run.output}"
        return run

    def converge(self, *components: str, **settings: str) -> Run:
        """Converge everything, or the components and their dependencies."""
        tags = ["--tags", ",".join(components)] if components else []
        return self.playbook("dev", *tags, **settings)

    # The engine

    def present(self) -> set[str]:
        """The components that have a container, in any state."""
        return {item["Labels"][environment.LABEL_COMPONENT] for item in self._listed()}

    def containers(self) -> dict[str, dict[str, Any]]:
        """Component -> inspection of its container, for all containers of the instance."""
        return {
            item["Labels"][environment.LABEL_COMPONENT]: self.client.inspect_container(item["Id"])
            for item in self._listed()
        }

    def _listed(self) -> list[dict[str, Any]]:
        return self.client.containers(all=True, filters=self._labelled())

    def networks(self) -> set[str]:
        """The names of the instance's networks, without its prefix."""
        names = [network["Name"] for network in self.client.networks(filters=self._labelled())]
        return {name.removeprefix(f"{self.instance}-") for name in names}

    def volumes(self) -> set[str]:
        """The names of the instance's volumes, without its prefix."""
        volumes = self.client.volumes(filters=self._labelled())["Volumes"] or []
        return {volume["Name"].removeprefix(f"{self.instance}-") for volume in volumes}

    def _labelled(self) -> dict[str, str]:
        return {"label": f"{environment.LABEL_INSTANCE}={self.instance}"}

    def remove_everything(self) -> None:
        """Remove all objects of the instance directly on the engine."""
        for container in self._listed():
            self.client.remove_container(container["Id"], force=True)
        for network in self.networks():
            self.client.remove_network(f"{self.instance}-{network}")
        for volume in self.volumes():
            self.client.remove_volume(f"{self.instance}-{volume}")

    def inspect(self, component: str) -> dict[str, Any]:
        """The inspection of the component's container."""
        return self.client.inspect_container(self.container(component))

    def identities(self) -> dict[str, tuple[str, str]]:
        """Component -> (ID, start time) of its container: unchanged until the container is restarted or recreated."""
        return {name: (item["Id"], item["State"]["StartedAt"]) for name, item in self.containers().items()}

    def execute(self, component: str, *command: str) -> str:
        """The output of a command in the component's container, which must succeed."""
        job = self.client.exec_create(self.container(component), list(command))["Id"]
        output = self.client.exec_start(job).decode(errors="replace")
        assert self.client.exec_inspect(job)["ExitCode"] == 0, f"{command} failed:\n{output}"
        return output

    def is_healthy(self, component: str) -> bool:
        """Whether the container runs, is not paused, and passes its health check."""
        state = self.inspect(component)["State"]
        return state["Running"] and not state["Paused"] and state["Health"]["Status"] == "healthy"

    def wait_until_healthy(self, component: str, seconds: float = 120) -> None:
        """Wait until the container passes its health check."""
        wait_until(lambda: self.is_healthy(component), f"{component} is healthy", seconds)


def wait_until(condition, what: str, seconds: float) -> None:
    """Wait until `condition()` is true; fail with `what` after the timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)


def pause(client: docker.APIClient, container: str) -> None:
    """Pause a container. The engine refuses while a process, such as that of a health check, is starting in it."""

    def paused() -> bool:
        try:
            client.pause(container)
        except docker.errors.APIError as error:
            if "unable to freeze" not in str(error.explanation):
                raise
            return False
        return True

    wait_until(paused, f"{container} is paused", 30)
