"""The instance that is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import ROOT, Lab

from bench import runs
from bench.report import Figure
from cloudlab.model import catalogue
from cloudlab.model.environment import LABEL_INSTANCE

DEV = ROOT / "playbooks" / "dev.yml"
RESET = ROOT / "playbooks" / "reset.yml"

# Runs of what takes long; what is quick is run as often as the user says.
FEW = 3

# What is measured: the stores in both sizes, everything, and everything in the small size.
STORES, LITE_STORES, EVERYTHING, LITE = "stores", "lite-stores", "full", "lite"
_STORES = ["postgres", "redis", "clickhouse", "elasticsearch", "kafka"]
PROFILES = {
    STORES: {"size": "full", "components": _STORES},
    LITE_STORES: {"size": "lite", "components": _STORES},
}
# What stays when everything but the data and the containers is present: downloaded modules and compiled programs.
CACHES = ("builder-cache", "builder-bin")


def profiles() -> tuple[str, str]:
    """The arguments that add the bench's profiles to those of the project."""
    return "--extra-vars", json.dumps({"profiles": catalogue.committed("profiles")["profiles"] | PROFILES})


@dataclass
class Bench:
    """The instance that is measured. `state` is the profile that is converged and healthy, or empty when nothing is."""

    lab: Lab
    runs: int
    say: Callable[[str], None]
    state: str = field(default="", init=False)

    @property
    def sides(self) -> dict[str, str]:
        """The instances of the two sides of the comparison."""
        return {side: f"{self.lab.instance}-{side}" for side in ("action", "loop")}

    @property
    def few(self) -> int:
        """How often something long is run."""
        return min(self.runs, FEW)

    def converge(self, *arguments: str, profile: str = STORES) -> runs.Cost:
        """Run dev.yml."""
        cost = runs.playbook(self.lab.environ | {"CLOUDLAB_PROFILE": profile}, DEV, *profiles(), *arguments)
        self.state = profile
        return cost

    def need(self, profile: str = STORES) -> None:
        """Have everything in the profile healthy and initialised."""
        if self.state != profile:
            self.say(f"converging the profile {profile}")
            self.converge(profile=profile)

    def remove(self) -> None:
        """Remove all that the instance has."""
        self.state = ""
        runs.playbook(self.lab.environ, RESET, "--extra-vars", "level=everything confirm=yes")

    def forget(self) -> None:
        """Remove containers, networks and data, as a reset does, but not the builder's caches."""
        lab = self.lab
        for container in self.containers().values():
            lab.client.remove_container(container, force=True, v=True)
        for network in lab.networks():
            lab.client.remove_network(f"{lab.instance}-{network}")
        for volume in lab.volumes() - set(CACHES):
            lab.client.remove_volume(f"{lab.instance}-{volume}")
        self.state = ""

    def remove_sides(self) -> None:
        """Remove what a comparison made."""
        client = self.lab.client
        for owner in self.sides.values():
            chosen = {"label": f"{LABEL_INSTANCE}={owner}"}
            for container in client.containers(all=True, filters=chosen):
                client.remove_container(container["Id"], force=True, v=True)
            for network in client.networks(filters=chosen):
                client.remove_network(network["Id"])
            for volume in client.volumes(filters=chosen)["Volumes"] or []:
                client.remove_volume(volume["Name"], force=True)
            shutil.rmtree(self.lab.directory.with_name(owner), ignore_errors=True)

    def containers(self) -> dict[str, str]:
        """Component -> id of its container, in the order of their names."""
        return {name: item["Id"] for name, item in sorted(self.lab.containers().items())}


def costs(name: str, what: str, taken: list[runs.Cost], below: float | None = None) -> list[Figure]:
    return [
        Figure(f"{name}-wall", f"{what}: wall clock", "s", tuple(cost.wall for cost in taken), below),
        Figure(f"{name}-cpu", f"{what}: processor time", "s", tuple(cost.cpu for cost in taken)),
    ]
