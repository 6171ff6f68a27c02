"""Checks of Elasticsearch's index templates and indices; findings are the documents of each index."""

from collections.abc import Mapping
from typing import Any

from cloudlab.model.checks import FAILED, OK, Check, converge, verdict
from cloudlab.stores import readiness
from cloudlab.stores.elasticsearch.objects import Index, State, declare, plan
from cloudlab.stores.elasticsearch.server import Server
from cloudlab.stores.lazy_client import LazyClient

STORE = "elasticsearch"


def check(arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the server, and the documents of its indices."""
    declared = declare(arguments)
    server = Server(arguments["url"], arguments["user"], arguments["password"])
    readiness.wait_until(docker, arguments["container"], server.ready)
    indices = server.indices()
    rows = {name: index.documents for name, index in indices.items()}
    return checks(declared, server.state(declared), indices), {"rows": rows}


def checks(declared: State, existing: State, indices: Mapping[str, Index]) -> list[Check]:
    """A check per declared template and index, and one for each index that is broken."""
    steps = plan(declared, existing)
    found = [Check(STORE, "answers", OK)]
    for what, names in ("index template", declared.templates), ("index", declared.indices):
        for name in names:
            subject = f"{what} {name}"
            lacking = [step for step in steps.steps if step.what == subject or step.what.startswith(f"{subject}, ")]
            faults = ["absent" if step.before is None else f"{step.what} differs" for step in lacking]
            clashes = [text for text in steps.warnings if text.startswith(f"{subject}: ")]
            cure = converge(STORE) if lacking else ""
            found.append(verdict(STORE, subject, "; ".join(faults + clashes), cure, "as declared"))
    for name in (name for name, index in indices.items() if index.health == "red"):
        text = "red: a part of it cannot be read"
        cure = (
            "GET /_cluster/allocation/explain shows why; to recreate it, reset its data, then run --tags elasticsearch"
        )
        found.append(Check(STORE, f"health of index {name}", FAILED, text, cure))
    return found
