"""Containers: each runs, is healthy and stays up, and is what its role declares. Pure.

Shapes: ``containers`` maps a container's name to the engine's inspection of it. ``plans`` maps a word for whose
containers they are to the result that the action `containers` had for them in check mode.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudlab.engine import causes
from cloudlab.model import environment as environments
from cloudlab.model import sizes
from cloudlab.model.checks import FAILED, NOTE, Check, converge, verdict

AREA = "containers"
EVERYTHING = "ansible-playbook playbooks/dev.yml"
# What a plan does to a container that does not run, or not well: its state tells that already.
REVIVING = ("start", "unpause", "restart")
CPU = 10**9


def checks(
    environment: Mapping[str, Any],
    containers: Mapping[str, Mapping[str, Any]],
    plans: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> list[Check]:
    """Two checks per container, and what else is known of those that should or should not be there."""
    found = []
    faults = _faults(containers, plans)
    places = list(environment["components"])
    owners = {name: _owner(environment, name) for name in containers.keys() | faults.keys()}
    for name in sorted(owners, key=lambda name: (places.index(owners[name]), name)):
        container = containers.get(name)
        subject, cure = short(name, environment["instance"]), converge(owners[name])
        if container is None:
            found.append(Check(AREA, subject, FAILED, "; ".join(faults[name]), cure))
            continue
        found.append(verdict(AREA, subject, trouble(container), _reviving(name, container, cure), well(container, now)))
        declared = "; ".join(faults.get(name, []))
        found.append(verdict(AREA, f"{subject} as declared", declared, cure, limits(container)))
    for whose, plan in plans.items():
        if "actions" not in plan and "msg" in plan:
            found.append(Check(AREA, f"{whose} as declared", FAILED, " ".join(plan["msg"].split()), EVERYTHING))
    for name in environment["surplus"]:
        subject = short(name, environment["instance"])
        found.append(Check(AREA, subject, FAILED, "its component is not chosen any more", EVERYTHING))
    for name, reason in environment["unavailable"].items():
        found.append(Check(AREA, name, NOTE, f"not here: {reason}"))
    return found


def component_of(container: Mapping[str, Any]) -> str:
    """The component that an inspected container belongs to."""
    return container["Config"]["Labels"][environments.LABEL_COMPONENT]


def short(name: str, instance: str) -> str:
    """A container's name without the instance's: the component, or its replica."""
    return name.removeprefix(f"{instance}-")


def runs(container: Mapping[str, Any]) -> bool:
    """Whether it can answer."""
    return container["State"]["Status"] == "running" and not container["State"]["Paused"]


def is_healthy(container: Mapping[str, Any]) -> bool:
    """Whether it can, and its health check says so; without one, running is all that is known."""
    return runs(container) and (container["State"].get("Health") or {}).get("Status", "healthy") == "healthy"


def trouble(container: Mapping[str, Any]) -> str:
    """What is wrong with the life of a container; empty when nothing is."""
    state = container["State"]
    health = state.get("Health") or {}
    restarts = container["RestartCount"]
    if state["Paused"]:
        return "paused"
    if state["Status"] != "running":
        return f"{state['Status']}: {causes.ending(state)}"
    if health.get("Status") == "starting":
        return "starting: its health check has not passed yet"
    if health.get("Status") == "unhealthy":
        said = " ".join((health.get("Log") or [{}])[-1].get("Output", "").split())
        return f"unhealthy: {said or 'its health check says nothing'}"
    return f"the engine had to start it again {restarts} times since somebody did" if restarts else ""


def well(container: Mapping[str, Any], now: datetime) -> str:
    """How a container that is in order is, and since when."""
    word = "healthy" if container["State"].get("Health") else "running"
    return f"{word}, up {duration((now - started(container)).total_seconds())}"


def started(container: Mapping[str, Any]) -> datetime:
    """When it was started."""
    return datetime.fromisoformat(container["State"]["StartedAt"]).astimezone(UTC)


def duration(seconds: float) -> str:
    """A time in its two greatest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(parts[:2]) or "0 s"


def limits(container: Mapping[str, Any]) -> str:
    """What a container may use and do."""
    host = container["HostConfig"]
    parts = [
        sizes.show(host["Memory"]) if host["Memory"] else "",
        f"{host['NanoCpus'] / CPU:g} cpus" if host["NanoCpus"] else "",
        f"{host['PidsLimit']} pids" if host["PidsLimit"] else "",
        f"user {container['Config']['User']}" if container["Config"]["User"] else "",
        "read-only" if host["ReadonlyRootfs"] else "",
        f"without {', '.join(host['CapDrop'])} capabilities" if host["CapDrop"] else "",
    ]
    return ", ".join(part for part in parts if part)


def _faults(
    containers: Mapping[str, Mapping[str, Any]], plans: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Container -> what a converge would mend on it, but for its life."""
    faults: dict[str, list[str]] = {}
    for action in (action for plan in plans.values() for action in plan.get("actions", [])):
        container = containers.get(action["container"])
        # One that is well would be restarted for a file of its configuration.
        if action["action"] not in REVIVING or (container and is_healthy(container)):
            faults.setdefault(action["container"], []).extend(action["reasons"])
    return faults


def _owner(environment: Mapping[str, Any], name: str) -> str:
    """The component whose container, or replica, is called so."""
    named = {component: entry["container"] for component, entry in environment["components"].items()}
    return max((each for each in named if f"{name}-".startswith(f"{named[each]}-")), key=len)


def _reviving(name: str, container: Mapping[str, Any], cure: str) -> str:
    """How to bring a container back to life."""
    if not is_healthy(container):
        return cure if not runs(container) else f"docker logs {name} says why; {cure}"
    return f"docker logs {name} says why; docker restart {name} begins to count anew"
