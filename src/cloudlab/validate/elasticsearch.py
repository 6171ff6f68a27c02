"""Elasticsearch: index templates and indices. What was found: {"indices": {name: documents}}."""

from collections.abc import Mapping

from cloudlab.stores import elasticsearch
from cloudlab.stores.elasticsearch import Index, State
from cloudlab.validate import FAILED, OK, Check, converge, verdict

STORE = "elasticsearch"


def checks(declared: State, existing: State, indices: Mapping[str, Index]) -> list[Check]:
    """A check per declared template and index, and one for each index that is broken."""
    steps = elasticsearch.plan(declared, existing)
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
        cure = "GET /_cluster/allocation/explain says why; --tags elasticsearch after its data was reset makes it anew"
        found.append(Check(STORE, f"health of index {name}", FAILED, text, cure))
    return found
