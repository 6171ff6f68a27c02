"""Known crashes of Kafka."""

import re

from cloudlab.stores.diagnosis import Fault

FAULTS = (
    Fault(
        re.compile(r"Invalid cluster\.id in: "),
        "Kafka's data belongs to another ZooKeeper: ZooKeeper's volume was removed or replaced while Kafka's was kept."
        " Neither works without the other. Put the old ZooKeeper volume back, or remove the data of both (topics and"
        " messages are lost): ansible-playbook playbooks/reset.yml -e level=data -e components=zookeeper",
    ),
    Fault(
        re.compile(r"No readable meta\.properties files found"),
        "Kafka's volume has data but no meta.properties. It is not formatted again, because that would lose its topics."
        " Put the file back from a copy of the volume, or remove Kafka's data (topics and messages are lost):"
        " ansible-playbook playbooks/reset.yml -e level=data -e components=kafka",
    ),
    Fault(
        re.compile(r"KeeperException\$NodeExistsException"),
        "ZooKeeper knows another broker with the same id. The session of one that was killed has ended by now"
        " (kafka_zookeeper_session_timeout_ms), so this one lives: stop it, or give this one a ZooKeeper of its own.",
    ),
)
