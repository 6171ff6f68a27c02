"""The plan for one container: steps from its actual to its desired state, and the reasons. Pure.

A container is recreated only for differences that cannot be fixed in place. Limits, restart policy and networks are
updated in place; a changed file, a failed health check or a crash loop require a restart; a stopped container is
started. Steps are in the order in which they are applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloudlab.containers import difference, payload, view
from cloudlab.containers.options import ADJUSTABLE, LIMITS, RESTART
from cloudlab.containers.spec import LABEL_HASH, File, Spec
from cloudlab.model.environment import LABEL_INSTANCE

STATES = ("started", "healthy", "stopped", "absent")

_UPDATABLE = (*LIMITS, *RESTART)
# In an update, 0 means "unchanged": these limits can be set in place but not removed.
_NOT_REMOVABLE = ("memory", "memory_reservation", "cpus")
_UNREPAIRABLE = ("dead", "removing")


@dataclass(frozen=True)
class Situation:
    """The actual state of one container, of the engine and of its files.

    container, image: as inspected, or None. networks: name -> id of those that exist. leftovers: (id, name) of
    containers that were created for this specification and have another name. altered: file -> how the one on disk
    differs. replaced: mounted sockets that were created after the container started, so that it has the old ones.
    """

    container: Mapping[str, Any] | None
    image: Mapping[str, Any] | None
    networks: Mapping[str, str]
    leftovers: tuple[tuple[str, str], ...] = ()
    altered: Mapping[File, str] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step: create, start, recreate, update, unpause, connect, restart, stop or remove."""

    action: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The steps for one container.

    container_id: of the existing one, or empty. limits: the body of an update. disconnect, connect: names of networks.
    altered: files to write, with the reason. missing: what must exist before the steps can be applied, one message
    each. before, after: the differing part of the views. limit_drift: some limit differs. healthy: it is healthy now.
    """

    spec: Spec
    container_id: str = ""
    steps: tuple[Step, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    disconnect: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()
    leftovers: tuple[tuple[str, str], ...] = ()
    altered: Mapping[File, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    limit_drift: bool = False
    healthy: bool = False

    @property
    def tidying(self) -> tuple[Step, ...]:
        """The removal of leftovers, which precedes all steps."""
        if not self.leftovers:
            return ()
        names = ", ".join(name for _, name in self.leftovers)
        return (Step("remove", (f"{names}: left over from an interrupted run, or renamed",)),)

    @property
    def changes(self) -> tuple[Step, ...]:
        """Everything that applying the plan changes."""
        return self.tidying + self.steps


def plan(
    spec: Spec, situation: Situation, state: str, api: tuple[int, int], unenforced: frozenset[str] = frozenset()
) -> Plan:
    """The plan that brings one container to `state` (one of STATES).

    unenforced: limits that the engine cannot enforce and that are therefore not compared.
    """
    if state in ("stopped", "absent"):
        return _down(spec, situation, remove=state == "absent")
    if situation.container is None:
        return _create(spec, situation, api)
    return _converge(spec, situation, situation.container, api, unenforced)


def _down(spec: Spec, situation: Situation, remove: bool) -> Plan:
    steps = []
    before, after = {}, {}
    if situation.container is not None:
        status = situation.container["State"]["Status"]
        if remove:
            steps.append(Step("remove", ("state absent was requested",)))
            before = {"state": status}
        elif status in ("running", "paused", "restarting"):
            steps.append(Step("stop", ("state stopped was requested",)))
            before, after = {"state": status}, {"state": "exited"}
    return Plan(
        spec=spec,
        container_id=situation.container["Id"] if situation.container else "",
        steps=tuple(steps),
        leftovers=situation.leftovers,
        before=before,
        after=after,
    )


def _create(spec: Spec, situation: Situation, api: tuple[int, int]) -> Plan:
    return Plan(
        spec=spec,
        steps=(Step("create", ("it does not exist",)),),
        leftovers=situation.leftovers,
        altered=situation.altered,
        missing=_missing(spec, situation),
        after={"state": "running"} | view.desired(spec, situation.image, api),
    )


def _converge(
    spec: Spec, situation: Situation, container: Mapping[str, Any], api: tuple[int, int], unenforced: frozenset[str]
) -> Plan:
    desired = {
        name: value for name, value in view.desired(spec, situation.image, api).items() if name not in unenforced
    }
    actual = view.actual(container, spec)
    drift = difference.differing(actual, desired)
    networks = _network_drift(spec, view.network_ids(container), situation.networks, actual)
    network_reasons = [f"network {name} {why}" for name, why in networks.items()]
    recreate = _recreate_reasons(spec, situation, container, drift, actual, desired)
    state = container["State"]
    before = {name: actual.get(name) for name in drift}
    after = {name: desired[name] for name in drift}
    if state["Status"] != "running" or state.get("Paused"):
        before, after = before | {"state": state["Status"]}, after | {"state": "running"}
    common = Plan(
        spec=spec,
        container_id=container["Id"],
        leftovers=situation.leftovers,
        altered=situation.altered,
        before=before,
        after=after,
        limit_drift=any(name in _UPDATABLE for name in drift),
        healthy=(state.get("Health") or {}).get("Status") == "healthy",
    )
    if recreate:
        everything = [*recreate, *_file_reasons(situation), *_limit_reasons(drift, actual, desired), *network_reasons]
        step = Step("recreate", tuple(dict.fromkeys(everything)))
        return replace(common, steps=(step,), missing=_missing(spec, situation))
    steps = []
    limits = _limits(spec, drift)
    if limits:
        steps.append(Step("update", tuple(_limit_reasons(drift, actual, desired))))
    if networks:
        steps.append(Step("connect", tuple(network_reasons)))
    replaced = [f"socket {path}: recreated" for path in situation.replaced]
    steps += _start_steps(state, [*_file_reasons(situation), *replaced])
    connect = tuple(name for name in networks if name in spec.options["networks"])
    return replace(
        common,
        steps=tuple(steps),
        limits=limits,
        disconnect=tuple(name for name in networks if name in actual["networks"]),
        connect=connect,
        missing=tuple(_missing_networks(connect, situation)),
    )


def _recreate_reasons(
    spec: Spec,
    situation: Situation,
    container: Mapping[str, Any],
    drift: list[str],
    actual: Mapping[str, Any],
    desired: Mapping[str, Any],
) -> list[str]:
    """Why the container must be recreated; empty when its differences can be fixed in place."""
    result = []
    for option in drift:
        if option not in ADJUSTABLE or (option in _NOT_REMOVABLE and desired[option] == 0):
            result += difference.reasons(option, actual.get(option), desired[option])
    result += _hash_reasons(spec, situation, container, explained=bool(result))
    if not situation.image and container["Config"].get("Image") != spec.image:
        result.append(f"image: {container['Config'].get('Image')} instead of {spec.image}")
    default = container["HostConfig"].get("NetworkMode")
    if default not in (spec.options["networks"] or ("none",)):
        result.append(f"networks: its default network {default} is not in the specification")
    if container["State"]["Status"] in _UNREPAIRABLE:
        result.append(f"state: {container['State']['Status']}")
    return result


def _hash_reasons(spec: Spec, situation: Situation, container: Mapping[str, Any], explained: bool) -> list[str]:
    """Why the label with the hash of the specification differs.

    explained: a visible difference of the container already is the reason.
    """
    label = (container["Config"].get("Labels") or {}).get(LABEL_HASH)
    if label == spec.hash:
        return []
    if not label:
        return [f"labels: {LABEL_HASH} is missing"]
    return _file_reasons(situation) or ([] if explained else ["the specification has changed"])


def _file_reasons(situation: Situation) -> list[str]:
    return [f"file {file.target} {why}" for file, why in situation.altered.items()]


def _limit_reasons(drift: list[str], actual: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    return [
        reason
        for name in drift
        if name in _UPDATABLE
        for reason in difference.reasons(name, actual[name], desired[name])
    ]


def _limits(spec: Spec, drift: list[str]) -> dict[str, Any]:
    """The body of an update of the limits; memory and swap go together, or the engine may refuse either."""
    body = payload.limits(spec.options)
    keys = {
        "memory": ("Memory", "MemorySwap"),
        "memory_swap": ("Memory", "MemorySwap"),
        "memory_reservation": ("MemoryReservation",),
        "cpus": ("NanoCpus",),
        "pids_limit": ("PidsLimit",),
        "restart_policy": ("RestartPolicy",),
        "restart_retries": ("RestartPolicy",),
    }
    return {key: body[key] for name in drift if name in keys for key in keys[name]}


def _network_drift(
    spec: Spec, ids: Mapping[str, str], existing: Mapping[str, str], actual: Mapping[str, Any]
) -> dict[str, str]:
    """Network to leave or join -> why. One that was recreated with the same name is left and joined again."""
    declared, joined = spec.options["networks"], actual["networks"]
    drift = {name: "is not in the specification" for name in joined if name not in declared}
    for name, aliases in declared.items():
        if name not in joined:
            drift[name] = "is not connected"
        elif ids[name] and name in existing and ids[name] != existing[name]:
            drift[name] = "was recreated"
        elif joined[name]["aliases"] != aliases:
            drift[name] = "has other aliases for it"
    return drift


def _start_steps(state: Mapping[str, Any], files: list[str]) -> list[Step]:
    """The step after which the container runs with its current files and sockets; none when it does."""
    code = state.get("ExitCode", 0)
    if state["Status"] == "created":
        return [Step("start", ("it was never started", *files))]
    if state["Status"] == "exited":
        return [Step("start", (f"it exited with code {code}", *files))]
    if state["Status"] == "restarting":
        return [Step("restart", (f"it is in a crash loop (exit code {code})", *files))]
    if (state.get("Health") or {}).get("Status") == "unhealthy" and not state.get("Paused"):
        return [Step("restart", ("its health check fails", *files))]
    if files:
        return [Step("restart", tuple(files))]
    return [Step("unpause", ("it is paused",))] if state.get("Paused") else []


def _missing(spec: Spec, situation: Situation) -> tuple[str, ...]:
    """What a new container needs and does not exist."""
    image = [] if situation.image else [f"the image {spec.image} does not exist. Build or pull it first"]
    return (*image, *_missing_networks(spec.options["networks"], situation))


def _missing_networks(names: Any, situation: Situation) -> list[str]:
    return [f"the network {name} does not exist. Create it first" for name in names if name not in situation.networks]


def refusals(spec: Spec, situation: Situation, state: str, api: tuple[int, int]) -> list[str]:
    """What is wrong with the specification for its image: reasons to refuse it before anything is changed."""
    if state in ("stopped", "absent") or situation.image is None:
        return []
    result = []
    if state == "healthy" and not view.has_health(spec, situation.image, api):
        result.append(
            f"{spec.name}: state healthy is requested, but neither the specification nor the image {spec.image} has a "
            "health check; add `healthcheck`, or request state started"
        )
    for path in view.volumes_without_mount(spec, situation.image):
        result.append(
            f"{spec.name}: the image {spec.image} declares a volume at {path} and nothing is mounted there, so "
            "each container would get an anonymous volume; mount a volume or a tmpfs there"
        )
    return result


def name_conflict(name: str, labels: Mapping[str, str], instance: str) -> str | None:
    """Why a container of this name must not be touched; None when it belongs to the instance."""
    owner = labels.get(LABEL_INSTANCE)
    if owner == instance:
        return None
    whose = (
        f"belongs to the instance {owner}"
        if owner
        else f"is not managed by Cloudlab (it has no label {LABEL_INSTANCE})"
    )
    return (
        f"{name}: a container of this name exists and {whose}. It is not changed. Remove it (`docker rm -f {name}`) "
        f"or rename it (`docker rename {name} {name}-old`), or choose another instance name"
    )
