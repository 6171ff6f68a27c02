"""A store's container, from the files of its role, for tests that need a real server.

The role's defaults, vars and templates are rendered as Ansible does it, and put on top of the base specification that
the environment gives every component. Each store is an instance of its own (name, volumes, network, free ports), and is
removed with all that belongs to it.
"""

import functools
import os
import socket
import time
import uuid
from pathlib import Path

import docker
import rolefiles
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar

from cloudlab.containers import files, payload, spec
from cloudlab.images import contexts
from cloudlab.model import environment

ROOT = Path(__file__).resolve().parents[2]
API = (1, 41)

action_loader.add_directory(str(ROOT / "plugins/action"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@functools.cache
def image_of(context: str) -> str:
    """The image of files/images/<context>, built by the step `images` of test.sh."""
    return contexts.load(ROOT / "files" / "images", [context])[context].reference


def has_engine() -> bool:
    """Whether an engine is available."""
    try:
        return docker.APIClient(version="auto").ping()
    except docker.errors.DockerException:
        return False


class Store:
    """A store's container. `settings` are variables of the role; `recreate` recreates the container with others."""

    def __init__(self, component: str, directory: Path, **settings):
        self.component, self.directory, self.settings = component, directory, settings
        self.instance = f"test-store-{uuid.uuid4().hex[:8]}"
        self.api = docker.APIClient(version="1.41", timeout=60)  # asks nothing yet
        entry = yaml.safe_load((ROOT / "inventory/group_vars/all/catalogue.yml").read_text())["catalogue"][component]
        values = {"catalogue": {component: entry}, "cloudlab_instance": self.instance, "port_offset": 0}
        values |= {port["setting"]: free_port() for port in entry["ports"]}
        self.description = environment.component(component, values, "full", {"cpus": os.cpu_count()})
        self.description["spec"]["image"] = image_of(component)
        self.name = self.description["spec"]["name"]

    def __enter__(self):
        try:
            labels = {environment.LABEL_INSTANCE: self.instance}  # support/leftovers.py knows them by it
            self.api.create_network(f"{self.instance}-database", labels=labels)
            for volume in self.description["volumes"].values():
                self.api.create_volume(volume["name"], labels=labels)
            self.create()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def port(self, name: str) -> int:
        return self.description["ports"][name]["host"]

    def specification(self) -> spec.Spec:
        """The container that the role declares, with rendered files."""
        context = {"instance": self.instance, "components": {self.component: self.description}}
        known = rolefiles.variables(self.component, context, **self.settings)
        own = f"__{self.component}_container, recursive=True, list_merge='append'"
        expression = f"[cloudlab.components.{self.component}.spec | combine({own})]"
        return rolefiles.specifications(self.component, expression, known, self.directory)[0]

    def create(self) -> None:
        wanted = self.specification()
        for file in wanted.files:
            files.write(file)
        self.api.create_container_from_config(payload.create(wanted, API), self.name)

    def recreate(self, **settings) -> None:
        self.settings |= settings
        self.api.remove_container(self.name, force=True)
        self.create()
        self.start()

    def start(self) -> None:
        self.api.start(self.name)

    def kill(self) -> None:
        self.api.kill(self.name)

    def state(self) -> dict:
        return self.api.inspect_container(self.name)["State"]

    def log(self) -> str:
        return self.api.logs(self.name).decode(errors="replace")

    def wait_healthy(self, seconds: float = 60) -> float:
        """The seconds until the health check passes; fails with the log after the timeout."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            state = self.state()
            if state.get("Health", {}).get("Status") == "healthy":
                return time.monotonic() - begun
            assert state["Status"] in ("running", "restarting", "created"), self.log()
            time.sleep(0.1)
        raise AssertionError(f"not healthy after {seconds} s: {state}\n{self.log()}")

    def execute(self, *command: str, user: str = "") -> tuple[int, str]:
        job = self.api.exec_create(self.name, list(command), user=user)["Id"]
        output = self.api.exec_start(job).decode(errors="replace")
        return self.api.exec_inspect(job)["ExitCode"], output

    def remove(self) -> None:
        for container in self.api.containers(all=True, filters={"name": f"^/{self.name}$"}):
            self.api.remove_container(container["Id"], force=True, v=True)
        for volume in self.description["volumes"].values():
            if self.api.volumes(filters={"name": f"^{volume['name']}$"})["Volumes"]:
                self.api.remove_volume(volume["name"])
        for network in self.api.networks(names=[f"{self.instance}-database"]):
            self.api.remove_network(network["Id"])
        self.api.close()


def run_action(action: str, arguments: dict, *, check: bool = False) -> dict:
    """Run an action like a task, without Ansible's startup; returns failures as well."""
    task = Task()
    task.args, task.action, task.check_mode, task.diff, task.async_val = arguments, action, check, True, 0
    loader = DataLoader()
    plugin = action_loader.get(
        action,
        task=task,
        connection=connection_loader.get("local", PlayContext()),
        play_context=PlayContext(),
        loader=loader,
        templar=Templar(loader, {}),
        shared_loader_obj=None,
    )
    try:
        return plugin.run(task_vars={})
    except AnsibleError as error:
        return {"failed": True, "msg": str(error)}
