"""The decision: what has to be done with one container, and why. Pure: no engine, no clock, no writes.

A container is made anew only for what cannot be mended on it. Limits, restart policy and networks are put right in
place; an altered file, a failed health check or a loop of restarts need a restart; what stopped is started. The steps
of a plan are in the order in which they are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloudlab.containers import difference, payload, view
from cloudlab.containers.options import ADJUSTABLE
from cloudlab.containers.spec import LABEL_HASH, File, Spec
from cloudlab.model.environment import LABEL_INSTANCE

STATES = ("started", "healthy", "stopped", "absent")

_LIMITS = ("memory", "memory_swap", "memory_reservation", "cpus", "pids_limit", "restart_policy", "restart_retries")
# To the engine, an update with 0 means "leave it"; these limits can be set in place but not taken away.
_NEVER_LIFTED = ("memory", "memory_reservation", "cpus")
_BEYOND_REPAIR = ("dead", "removing")


@dataclass(frozen=True)
class Situation:
    """What the engine and the disk have for one specification.

    container, image: as inspected, or None. networks: name -> id of those that exist. leftovers: (id, name) of
    containers that were made for this specification and bear another name. altered: file -> why the one on disk is not
    it.
    """

    container: Mapping[str, Any] | None
    image: Mapping[str, Any] | None
    networks: Mapping[str, str]
    leftovers: tuple[tuple[str, str], ...] = ()
    altered: Mapping[File, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing to do: create, start, recreate, update, unpause, connect, restart, stop or remove."""

    action: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be done with one container.

    container_id: the living one, or empty. limits: for update, in the engine's words. disconnect, connect: names of
    networks. altered: files to write, with the reason. missing: what has to exist before the steps can be done, each
    as a sentence. before, after: the views' difference. limit_drift: some limit differs. healthy: it is healthy now.
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
        """The removal of leftovers, which comes before all steps."""
        if not self.leftovers:
            return ()
        names = ", ".join(name for _, name in self.leftovers)
        return (Step("remove", (f"{names}: left by an interrupted run, or renamed",)),)

    @property
    def changes(self) -> tuple[Step, ...]:
        """All that applying the plan alters."""
        return self.tidying + self.steps


def plan(
    spec: Spec, have: Situation, state: str, api: tuple[int, int], unenforced: frozenset[str] = frozenset()
) -> Plan:
    """What brings one container to `state` (one of STATES).

    unenforced: limits that the engine cannot hold and that are therefore not compared.
    """
    if state in ("stopped", "absent"):
        return _down(spec, have, remove=state == "absent")
    if have.container is None:
        return _create(spec, have, api)
    return _converge(spec, have, have.container, api, unenforced)


def _down(spec: Spec, have: Situation, remove: bool) -> Plan:
    steps = []
    before, after = {}, {}
    if have.container is not None:
        status = have.container["State"]["Status"]
        if remove:
            steps.append(Step("remove", ("it is to be absent",)))
            before = {"state": status}
        elif status in ("running", "paused", "restarting"):
            steps.append(Step("stop", ("it is to be stopped",)))
            before, after = {"state": status}, {"state": "exited"}
    return Plan(
        spec=spec,
        container_id=have.container["Id"] if have.container else "",
        steps=tuple(steps),
        leftovers=have.leftovers,
        before=before,
        after=after,
    )


def _create(spec: Spec, have: Situation, api: tuple[int, int]) -> Plan:
    return Plan(
        spec=spec,
        steps=(Step("create", ("it does not exist",)),),
        leftovers=have.leftovers,
        altered=have.altered,
        missing=_missing(spec, have),
        after={"state": "running"} | view.wanted(spec, have.image, api),
    )


def _converge(
    spec: Spec, have: Situation, container: Mapping[str, Any], api: tuple[int, int], unenforced: frozenset[str]
) -> Plan:
    wanted = {name: value for name, value in view.wanted(spec, have.image, api).items() if name not in unenforced}
    found = view.found(container, spec)
    drift = difference.differing(found, wanted)
    networks = _network_drift(spec, view.network_ids(container), have.networks, found)
    renew = _reasons_to_renew(spec, have, container, drift, found, wanted)
    state = container["State"]
    before = {name: found.get(name) for name in drift}
    after = {name: wanted[name] for name in drift}
    if state["Status"] != "running" or state.get("Paused"):
        before, after = before | {"state": state["Status"]}, after | {"state": "running"}
    common = Plan(
        spec=spec,
        container_id=container["Id"],
        leftovers=have.leftovers,
        altered=have.altered,
        before=before,
        after=after,
        limit_drift=any(name in _LIMITS for name in drift),
        healthy=(state.get("Health") or {}).get("Status") == "healthy",
    )
    if renew:
        everything = [*renew, *_file_reasons(have), *_limit_reasons(drift, found, wanted), *networks.reasons]
        step = Step("recreate", tuple(dict.fromkeys(everything)))
        return replace(common, steps=(step,), missing=_missing(spec, have))
    steps = []
    limits = _limits(spec, drift)
    if limits:
        steps.append(Step("update", tuple(_limit_reasons(drift, found, wanted))))
    if networks.reasons:
        steps.append(Step("connect", tuple(networks.reasons)))
    steps += _liven(state, _file_reasons(have))
    return replace(
        common,
        steps=tuple(steps),
        limits=limits,
        disconnect=tuple(networks.disconnect),
        connect=tuple(networks.connect),
        missing=tuple(_missing_networks(networks.connect, have)),
    )


def _reasons_to_renew(
    spec: Spec,
    have: Situation,
    container: Mapping[str, Any],
    drift: list[str],
    found: Mapping[str, Any],
    wanted: Mapping[str, Any],
) -> list[str]:
    """Why the container cannot be mended; empty when it can."""
    result = []
    for option in drift:
        if option not in ADJUSTABLE or (option in _NEVER_LIFTED and wanted[option] == 0):
            result += difference.reasons(option, found.get(option), wanted[option])
    result += _hash_reasons(spec, have, container, explained=bool(result))
    if not have.image and container["Config"].get("Image") != spec.image:
        result.append(f"image: {container['Config'].get('Image')} instead of {spec.image}")
    default = container["HostConfig"].get("NetworkMode")
    if default not in (spec.options["networks"] or ("none",)):
        result.append(f"networks: its default network {default} is not in the specification")
    if container["State"]["Status"] in _BEYOND_REPAIR:
        result.append(f"state: {container['State']['Status']}")
    return result


def _hash_reasons(spec: Spec, have: Situation, container: Mapping[str, Any], explained: bool) -> list[str]:
    """Why the label with the hash of the specification is not the one wanted.

    explained: a difference that can be seen on the container says it better already.
    """
    label = (container["Config"].get("Labels") or {}).get(LABEL_HASH)
    if label == spec.hash:
        return []
    if not label:
        return [f"labels: {LABEL_HASH} is missing"]
    return _file_reasons(have) or ([] if explained else ["the specification has changed"])


def _file_reasons(have: Situation) -> list[str]:
    return [f"file {file.target} {why}" for file, why in have.altered.items()]


def _limit_reasons(drift: list[str], found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        reason for name in drift if name in _LIMITS for reason in difference.reasons(name, found[name], wanted[name])
    ]


def _limits(spec: Spec, drift: list[str]) -> dict[str, Any]:
    """The body of an update that mends the limits; memory and swap go together, or the engine may refuse either."""
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


@dataclass
class _NetworkDrift:
    disconnect: list[str] = field(default_factory=list)
    connect: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def _network_drift(
    spec: Spec, ids: Mapping[str, str], existing: Mapping[str, str], found: Mapping[str, Any]
) -> _NetworkDrift:
    """Networks to leave and to join. One that was made anew under its old name is left and joined."""
    drift = _NetworkDrift()
    for name in found["networks"]:
        if name not in spec.options["networks"]:
            drift.disconnect.append(name)
            drift.reasons.append(f"network {name} is not in the specification")
    for name, aliases in spec.options["networks"].items():
        if name not in found["networks"]:
            reason = f"network {name} is not connected"
        elif ids[name] and name in existing and ids[name] != existing[name]:
            reason = f"network {name} was made anew"
        elif found["networks"][name]["aliases"] != aliases:
            reason = f"network {name} knows it under other aliases"
        else:
            continue
        if name in found["networks"]:
            drift.disconnect.append(name)
        drift.connect.append(name)
        drift.reasons.append(reason)
    return drift


def _liven(state: Mapping[str, Any], files: list[str]) -> list[Step]:
    """The step that makes it run, and run on the files that are wanted; none when it does."""
    code = state.get("ExitCode", 0)
    if state["Status"] == "created":
        return [Step("start", ("it was never started", *files))]
    if state["Status"] == "exited":
        return [Step("start", (f"it has exited with code {code}", *files))]
    if state["Status"] == "restarting":
        return [Step("restart", (f"it exits and is restarted again and again (exit code {code})", *files))]
    if (state.get("Health") or {}).get("Status") == "unhealthy" and not state.get("Paused"):
        return [Step("restart", ("its health check fails", *files))]
    if files:
        return [Step("restart", tuple(files))]
    return [Step("unpause", ("it is paused",))] if state.get("Paused") else []


def _missing(spec: Spec, have: Situation) -> tuple[str, ...]:
    """What a new container needs and is not there."""
    image = [] if have.image else [f"the image {spec.image} does not exist here; build or pull it first"]
    return (*image, *_missing_networks(spec.options["networks"], have))


def _missing_networks(names: Any, have: Situation) -> list[str]:
    return [f"the network {name} does not exist; create it first" for name in names if name not in have.networks]


def refusals(spec: Spec, have: Situation, state: str, api: tuple[int, int]) -> list[str]:
    """What is wrong with the specification now that its image is known; nothing must be changed before it is mended."""
    if state in ("stopped", "absent") or have.image is None:
        return []
    result = []
    if state == "healthy" and not view.has_health(spec, have.image, api):
        result.append(
            f"{spec.name}: state healthy is asked for, but neither the specification nor the image {spec.image} has a "
            "health check; add `healthcheck`, or ask for state started"
        )
    for path in view.volumes_without_mount(spec, have.image):
        result.append(
            f"{spec.name}: the image {spec.image} declares a volume at {path} and nothing is mounted there, so that "
            "each container would get an anonymous volume; mount a volume or a tmpfs there"
        )
    return result


def stranger(name: str, labels: Mapping[str, str], instance: str) -> str | None:
    """The refusal of a container that has our name and is not ours; None when it is ours."""
    owner = labels.get(LABEL_INSTANCE)
    if owner == instance:
        return None
    whose = f"belongs to the instance {owner}" if owner else f"is not Cloudlab's (it has no label {LABEL_INSTANCE})"
    return (
        f"{name}: a container of this name exists and {whose}. It is left as it is. Remove it (`docker rm -f {name}`) "
        f"or rename it (`docker rename {name} {name}-old`), or choose another instance name"
    )
