"""Networks: their members, name resolution, and which components can and cannot reach each other.

Reachability depends only on the networks of a container, so it is tested in one container per set of networks. From
there, the names of components on a common network must resolve and their ports must be open; the ports of all other
components must be unreachable.

Shapes: ``containers`` maps a container's name to the engine's inspection of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError

from cloudlab.engine.listing import is_running
from cloudlab.model.checks import FAILED, NOTE, Check, converge, verdict
from cloudlab.validate.containers import component_of

AREA = "networks"
SECONDS = 15  # per script, on a busy machine
AT_ONCE = 16  # concurrent processes, within the limit of every container
# A process per name and address, so that one that hangs delays no other. It is started directly by the shell, which
# kills it at the end: a child of it would keep running for minutes, and count towards the container's limit.
NAMES = 'for name; do getent ahostsv4 "$name" & done; wait'
# The first argument is the number of unreachable addresses, which are first. A dropped connection is never refused, so
# they get the time that the reachable ones take, plus two seconds.
CONNECTIONS = """
try() { exec 3<>"/dev/tcp/${1%:*}/${1##*:}" && echo "$1"; } 2>/dev/null
closed=$1 open=()
shift
for target in "${@:1:closed}"; do try "$target" & done
for target in "${@:closed + 1}"; do try "$target" & open+=($!); done
((${#open[@]} == 0)) || wait "${open[@]}"
[[ -z $(jobs -rp) ]] || sleep 2
kill $(jobs -rp) 2>/dev/null
exit 0
"""
ENDED = (0, 1, 2, 124)  # exit codes of bash, getent and timeout; any other means that there is no shell


@dataclass(frozen=True)
class Trial:
    """The test in the container ``name``.

    ``shared``: the components on a common network. ``own``: component -> all addresses of its containers there;
    ``addresses``: component -> host:port of each port of one of its containers.
    """

    component: str
    name: str
    networks: tuple[str, ...]
    shared: frozenset[str]
    own: Mapping[str, frozenset[str]]
    addresses: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Answer:
    """The result of a test: {name: addresses}, and the addresses that accepted a connection."""

    names: Mapping[str, frozenset[str]]
    open: frozenset[str]


def trials(environment: Mapping[str, Any], containers: Mapping[str, Mapping[str, Any]]) -> list[list[Trial]]:
    """For each set of networks, the tests in its containers, of which one must succeed in running."""
    alive = {name: container for name, container in containers.items() if is_running(container)}
    sets: dict[tuple[str, ...], list[Trial]] = {}
    for name, container in alive.items():
        trial = _trial(environment, name, component_of(container), alive)
        sets.setdefault(trial.networks, []).append(trial)
    return list(sets.values())


def _trial(environment: Mapping[str, Any], name: str, component: str, alive: Mapping[str, Mapping[str, Any]]) -> Trial:
    networks = set(environment["components"][component]["networks"])
    own: dict[str, frozenset[str]] = {}
    addresses: dict[str, tuple[str, ...]] = {}
    shared = set()
    for other, entry in environment["components"].items():
        replicas = [container for container in alive.values() if component_of(container) == other]
        if other == component or not replicas:
            continue
        common = networks & set(entry["networks"])
        ways = {environment["networks"][network]["name"] for network in common or entry["networks"]}
        places = [address for container in replicas for address in _addresses(container, ways)]
        if common:
            shared.add(other)
        own[other] = frozenset(places)
        addresses[other] = tuple(f"{place}:{port}" for place in places[:1] for port in ports(environment, other))
    return Trial(component, name, tuple(sorted(networks)), frozenset(shared), own, addresses)


def _addresses(container: Mapping[str, Any], networks: set[str]) -> list[str]:
    """The addresses of a container on the networks."""
    return [
        endpoint["IPAddress"]
        for network, endpoint in container["NetworkSettings"]["Networks"].items()
        if network in networks and endpoint["IPAddress"]
    ]


def ports(environment: Mapping[str, Any], component: str) -> list[int]:
    """The ports of a component inside its container."""
    numbers = [port["container"] for port in environment["components"][component]["ports"].values()]
    grpc = environment["catalogue"][component].get("grpc")
    return [*numbers, *([grpc] if grpc else [])]


def ask(client: APIClient, trial: Trial) -> Answer | None:
    """Run the test in its container; None if that has no shell."""
    names: dict[str, set[str]] = {}
    for batch in _batches(sorted(trial.shared)):
        output = _execute(client, trial.name, NAMES, batch)
        if output is None:
            return None
        name = ""
        for address, _, *canonical in map(str.split, output.splitlines()):
            # Only the first line of an answer has the name, and answers are not interleaved.
            name = canonical[0] if canonical else name
            names.setdefault(name, set()).add(address)
    found: set[str] = set()
    closed = [address for name, each in trial.addresses.items() if name not in trial.shared for address in each]
    open_ = [address for name, each in trial.addresses.items() if name in trial.shared for address in each]
    for batch in _batches([*closed, *open_]):
        count = sum(address in closed for address in batch)
        found.update((_execute(client, trial.name, CONNECTIONS, [str(count), *batch]) or "").split())
    return Answer({name: frozenset(each) for name, each in names.items()}, frozenset(found))


def _batches(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def _execute(client: APIClient, container: str, script: str, arguments: Sequence[str]) -> str | None:
    """The output of a script in a container; None if it cannot run."""
    command = ["timeout", str(SECONDS), "bash", "-c", script, "bash", *arguments]
    try:
        job = client.exec_create(container, command, stderr=False)["Id"]
        output = client.exec_start(job).decode(errors="replace")
        return output if client.exec_inspect(job)["ExitCode"] in ENDED else None
    except APIError:
        return None  # the program is missing, or the container has stopped


def judge(trial: Trial, answer: Answer | None, healthy: Iterable[str]) -> list[Check]:
    """The checks of names and reachability from one container. ``healthy``: components that must respond."""
    who = f"{trial.component} ({', '.join(trial.networks) or 'no network'})"
    if answer is None:
        return [Check(AREA, f"seen from {who}", NOTE, "not tested: its image has no shell")]
    unknown = [name for name in sorted(trial.shared) if not answer.names.get(name)]
    misdirected = [
        f"{name} resolves to {', '.join(sorted(wrong))}, which is not its container's address"
        for name in sorted(trial.shared)
        if (wrong := answer.names.get(name, frozenset()) - trial.own[name])
    ]
    faults = [*(f"{name} does not resolve" for name in unknown), *misdirected]
    cure = converge(",".join(unknown or [trial.component]))
    text = f"{len(trial.shared)} names resolve"
    checks = [verdict(AREA, f"names, seen from {who}", "; ".join(faults), cure, text)]

    expected = set(healthy)
    deaf = {name for name in trial.shared & expected if set(trial.addresses[name]) - answer.open}
    reached = {name for name in trial.addresses.keys() - trial.shared if set(trial.addresses[name]) & answer.open}
    faults = [
        *(f"reaches {name}, which is on none of its networks" for name in sorted(reached)),
        *(f"cannot connect to {name} on port {', '.join(_ports(trial, name, answer))}" for name in sorted(deaf)),
    ]
    text = f"{len(trial.shared)} components reachable, {len(trial.addresses.keys() - trial.shared)} unreachable"
    cure = converge(",".join([trial.component, *sorted(reached)] if reached else sorted(deaf)))
    return [*checks, verdict(AREA, f"reach of {who}", "; ".join(faults), cure, text)]


def _ports(trial: Trial, name: str, answer: Answer) -> list[str]:
    return [address.rpartition(":")[2] for address in trial.addresses[name] if address not in answer.open]


def members(environment: Mapping[str, Any], networks: Mapping[str, Iterable[str]], ours: Iterable[str]) -> list[Check]:
    """A check per network: it exists, and has no other members than the instance's containers.

    ``networks``: name of an existing network -> names of the containers on it. ``ours``: names of the instance's
    containers.
    """
    found = []
    for key, network in environment["networks"].items():
        name = network["name"]
        if name not in networks:
            found.append(Check(AREA, key, FAILED, "absent", "ansible-playbook playbooks/dev.yml"))
            continue
        present = set(networks[name])
        others = sorted(present - set(ours))
        fault = f"{', '.join(others)}: not managed by Cloudlab" if others else ""
        cure = "; ".join(f"docker network disconnect -f {name} {other}" for other in others)
        found.append(verdict(AREA, key, fault, cure, f"{len(present)} containers, all managed by Cloudlab"))
    return found
