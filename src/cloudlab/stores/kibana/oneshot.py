"""Creates Kibana's data views with curl in its own image."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from cloudlab.stores import base
from cloudlab.stores.kibana.objects import OWN_HEADER, PATH, DataViews, declare, request


def one_shot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The program that creates the data views. `inside` is Kibana's URL there."""
    return base.program(arguments["container"], script(declare(arguments), arguments["inside"]))


def script(declared: DataViews, url: str) -> str:
    """A shell script that creates or replaces the declared data views."""
    headers = {"Content-Type": "application/json", **OWN_HEADER}
    options = " ".join(f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())
    ask = f"curl --silent --show-error --fail --max-time 30 --output /dev/null {options} --data @-"
    bodies = [json.dumps(request(key, view), indent=2) for key, view in declared.items()]
    return "".join(f"{ask} {shlex.quote(url + PATH)} <<'JSON'\n{body}\nJSON\n" for body in bodies)
