"""Run a platform's seeding: a command of its checkout, compiled and run once in a container of the toolchain image.

The command gets SEED_SIZE, SEED_GATEWAY_URL, SEED_DRY_RUN, SEED_USER_PASSWORD, SEED_CONCURRENCY and SEED_TIMEOUT, and
the variables that the platform declares. Each line of its standard output is progress, and the last one is the result,
a JSON object with `changed`. A status other than 0 is an error, described on standard error.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from docker.errors import APIError

from cloudlab.engine import Client
from cloudlab.model import catalogue
from cloudlab.services import variables as service_variables
from cloudlab.services.base import Settings, source_path
from cloudlab.services.builder import RELOAD_SOURCE

COMPONENT = "seed"
TEMPORARY = "/go/seed"  # in the build cache, whose file system can execute programs
_ERROR_LINES = 25
# The flags of the builder, so that both share compiled packages.
_SCRIPT = """\
mkdir -p "$GOTMPDIR"
echo "Compiling the seeding."
go build -ldflags='-s -w' -gcflags=all=-dwarf=false -pgo=off -buildvcs=false -o "$GOTMPDIR/seed" "$1"
shift
cd "$SEED_WORKING_DIR"
exec "$GOTMPDIR/seed" "$@"
"""


class SeedingError(Exception):
    """The seeding cannot run, or failed; the message says why."""


def sizes(declared: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, int]]:
    """Size -> number of objects by kind. Raises SeedingError for a platform without seeding."""
    if not declared:
        raise SeedingError(
            "this platform declares no seeding. Add `seed` to its cloudlab.yml; DEVELOPMENT.md describes it."
        )
    return declared["sizes"]


def size_of(declared: Mapping[str, Any] | None, size: str) -> Mapping[str, int]:
    """The number of objects of a size. Raises SeedingError."""
    known = sizes(declared)
    if problems := catalogue.unknown([size], known, "size"):
        raise SeedingError("\n".join(problems))
    return known[size]


def container(
    context: Mapping[str, Any],
    declared: Mapping[str, Any],
    builder: Mapping[str, Any],
    settings: Settings,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """The specification of the container.

    :param context: the variable `cloudlab`. :param builder: the specification of the builder.
    :param variables: SEED_…, except the address of the gateway.

    Raises SeedingError when there is no gateway to send anything to.
    """
    gateway = context["components"].get("gateway")
    if not gateway or not any(item["component"] == "gateway" for item in context["present"]):
        raise SeedingError("the gateway does not exist. Start the environment: ansible-playbook playbooks/dev.yml.")
    networks = {network["name"]: network for network in [*builder["networks"], *gateway["spec"]["networks"][:1]]}
    entries = {**context["catalogue"], COMPONENT: {**declared, "kind": "service"}}
    go = declared["go"]
    return {
        **{key: value for key, value in builder.items() if key != "healthcheck"},
        "name": f"{context['instance']}-{COMPONENT}",
        "component": COMPONENT,
        "needs": [],
        "networks": [{"name": name} for name in networks],
        "entrypoint": ["/bin/sh", "-euc"],
        "command": [_SCRIPT, COMPONENT, go["main"], *map(str, go["args"])],
        "working_dir": source_path(go["module"]),
        "env": {
            **builder["env"],
            "GOTMPDIR": TEMPORARY,
            "SEED_WORKING_DIR": source_path(go["working_dir"]),
            "SEED_GATEWAY_URL": f"http://gateway:{catalogue.main_port(context['catalogue']['gateway']['ports'])}",
            **variables,
            **service_variables.environment(COMPONENT, entries, settings),
        },
        "secret_env": [*declared["env"], "SEED_USER_PASSWORD"],
        "mounts": [mount for mount in builder["mounts"] if mount["target"] != RELOAD_SOURCE],
        "files": [file for file in builder["files"] if "copy" in file],
        "labels": {},
        "restart_policy": "no",
    }


def follow(client: Client, name: str, say: Callable[[str], None]) -> dict[str, Any]:
    """The result of the command in the container `name`; each line of progress is passed to `say` as it comes.

    Raises SeedingError when it fails.
    """
    errors = pending = b""
    result = ""
    # From its first line until it ends.
    for output, error in client.attach(name, stdout=True, stderr=True, stream=True, logs=True, demux=True):
        errors += error or b""
        *lines, pending = (pending + (output or b"")).split(b"\n")
        for line in (complete.decode(errors="replace") for complete in lines):
            if result:  # another line follows
                say(result)
            result = line if line.startswith("{") else ""
            if not result:
                say(line)
    try:
        status = client.wait(name)["StatusCode"]
    except APIError as error:
        raise SeedingError(f"the seeding was removed before it ended: {error.explanation}") from None
    if status:
        last = errors.decode(errors="replace").strip().splitlines()[-_ERROR_LINES:]
        raise SeedingError("\n".join(last) or f"exit status {status}")
    return _parsed(pending.decode(errors="replace") or result)


def _parsed(line: str) -> dict[str, Any]:
    try:
        result = json.loads(line)
    except ValueError:
        result = None
    if not isinstance(result, dict) or not isinstance(result.get("changed"), bool):
        raise SeedingError('the seeding\'s last line is not a result, such as {"changed": true}. Print one at the end.')
    return result
