"""Creates Elasticsearch's index templates and indices with curl in its own image."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from cloudlab.stores import base
from cloudlab.stores.elasticsearch.objects import State, declare, plan


def one_shot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The program that creates the objects. `inside` is the server's URL there."""
    return base.program(arguments["container"], script(declare(arguments), arguments["inside"]))


def script(declared: State, url: str) -> str:
    """A shell script that creates the declared objects; existing indices are not changed."""
    ask = "curl --silent --show-error --fail --max-time 30 --output /dev/null"
    put = f"{ask} --request PUT --header 'Content-Type: application/json' --data @-"
    lines = []
    for step in plan(declared, State({}, {})).steps:
        address = shlex.quote(f"{url}{step.path}")
        template = step.path.startswith("/_index_template/")
        lines += [
            f"{put} {address} <<'JSON'"
            if template
            else f"{ask} --head {address} 2>/dev/null || {put} {address} <<'JSON'",
            json.dumps(step.body, indent=2),
            "JSON",
        ]
    return "".join(f"{line}\n" for line in lines)
