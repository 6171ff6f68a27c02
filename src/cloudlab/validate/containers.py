"""Containers: each is healthy, does not restart, and matches the declaration of its role. Pure.

Shapes: ``containers`` maps a container's name to the engine's inspection of it. ``plans`` maps a name for a group of
containers to the result of the action `containers` in check mode.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudlab.engine import causes
from cloudlab.engine.listing import is_running
from cloudlab.model import environment as environments
from cloudlab.model import sizes
from cloudlab.model.checks import FAILED, NOTE, Check, converge, verdict

AREA = "containers"
EVERYTHING = "ansible-playbook playbooks/dev.yml"
# Actions of a plan for a container that is not healthy, which the check of its state reports.
STATE_ACTIONS = ("start", "unpause", "restart")
CPU = 10**9


def checks(
    environment: Mapping[str, Any],
    containers: Mapping[str, Mapping[str, Any]],
    plans: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> list[Check]:
    """Two checks per container, and one per missing, surplus or unavailable container."""
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
        recovery = _recovery(name, container, cure)
        found.append(verdict(AREA, subject, problem(container), recovery, status(container, now)))
        declared = "; ".join(faults.get(name, []))
        found.append(verdict(AREA, f"{subject} as declared", declared, cure, limits(container)))
    for whose, plan in plans.items():
        if "actions" not in plan and "msg" in plan:
            found.append(Check(AREA, f"{whose} as declared", FAILED, " ".join(plan["msg"].split()), EVERYTHING))
    for name in environment["surplus"]:
        subject = short(name, environment["instance"])
        found.append(Check(AREA, subject, FAILED, "its component is no longer selected", EVERYTHING))
    for name, reason in environment["unavailable"].items():
        found.append(Check(AREA, name, NOTE, f"unavailable: {reason}"))
    return found


def component_of(container: Mapping[str, Any]) -> str:
    """The component that an inspected container belongs to."""
    return container["Config"]["Labels"][environments.LABEL_COMPONENT]


def short(name: str, instance: str) -> str:
    """A container's name without the prefix of the instance: the component or its replica."""
    return name.removeprefix(f"{instance}-")


def is_healthy(container: Mapping[str, Any]) -> bool:
    """Whether it runs and its health check, if any, succeeds."""
    return is_running(container) and (container["State"].get("Health") or {}).get("Status", "healthy") == "healthy"


def problem(container: Mapping[str, Any]) -> str:
    """Why the state of a container is a failure; empty if it is not."""
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
        output = " ".join((health.get("Log") or [{}])[-1].get("Output", "").split())
        return f"unhealthy: {output or 'its health check has no output'}"
    return f"restarted {restarts} times by the engine after its process exited" if restarts else ""


def status(container: Mapping[str, Any], now: datetime) -> str:
    """The state of a healthy container, and its uptime."""
    word = "healthy" if container["State"].get("Health") else "running"
    return f"{word}, up {duration((now - started(container)).total_seconds())}"


def started(container: Mapping[str, Any]) -> datetime:
    """Its start time."""
    return datetime.fromisoformat(container["State"]["StartedAt"]).astimezone(UTC)


def duration(seconds: float) -> str:
    """A duration in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(parts[:2]) or "0 s"


def limits(container: Mapping[str, Any]) -> str:
    """The limits and hardening of a container."""
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
    """Container -> the differences that a converge would fix, except for its state."""
    faults: dict[str, list[str]] = {}
    for action in (action for plan in plans.values() for action in plan.get("actions", [])):
        container = containers.get(action["container"])
        # A healthy container would be restarted for a changed configuration file.
        if action["action"] not in STATE_ACTIONS or (container and is_healthy(container)):
            faults.setdefault(action["container"], []).extend(action["reasons"])
    return faults


def _owner(environment: Mapping[str, Any], name: str) -> str:
    """The component whose container or replica has the name."""
    named = {component: entry["container"] for component, entry in environment["components"].items()}
    return max((each for each in named if f"{name}-".startswith(f"{named[each]}-")), key=len)


def _recovery(name: str, container: Mapping[str, Any], cure: str) -> str:
    """How to fix the state of a container."""
    if not is_healthy(container):
        return cure if not is_running(container) else f"see docker logs {name}; {cure}"
    return f"see docker logs {name}; docker restart {name} resets the counter"
