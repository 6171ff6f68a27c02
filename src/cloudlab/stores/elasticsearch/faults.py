"""Known crashes of Elasticsearch."""

import re

from cloudlab.stores.diagnosis import Fault

FAULTS = (
    Fault(
        re.compile(r"cannot (?:downgrade a node from version|upgrade a node from version) \[?[\d.]+"),
        "The data volume was written by an Elasticsearch version that the present image cannot read. Use the version"
        " that wrote it, or remove its data:"
        " ansible-playbook playbooks/reset.yml -e level=data -e components=elasticsearch",
    ),
)
