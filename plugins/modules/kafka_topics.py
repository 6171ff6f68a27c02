DOCUMENTATION = r"""
module: kafka_topics
short_description: Converge the topics of a Kafka broker
description:
  - Compares declared topics with the broker's, which is asked once for its metadata and once for the configuration of
    the declared topics, and creates, grows or alters what differs. What seems to be missing is checked by the broker
    before anything is changed, also in check mode.
  - A topic is never deleted and never loses partitions. Topics that nobody declares are returned in RV(undeclared); a
    topic with more partitions than declared is a warning.
  - A configuration value that a declared topic overrides, and that is not declared, goes back to the broker's default.
  - Waits until the broker answers, and fails early, with the container's last log lines, when its container is not
    running or in a crash loop.
  - Runs in process on the controller; needs the Python packages C(confluent-kafka) and C(docker).
extends_documentation_fragment: [modes]
options:
  bootstrap:
    description: Address of the broker's published listener, C(host:port).
    type: str
    required: true
  container:
    description: Name of the broker's container, whose state and log explain a broker that does not answer.
    type: str
    required: true
  topics:
    description: The declared topics. The same topic may stand here twice if both say the same.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Letters, digits, dots, dashes and underscores.
        type: str
        required: true
      partitions:
        description: Number of partitions. It can grow later, but never shrink.
        type: int
        default: 1
      retention_hours:
        description: How long messages are kept; V(-1) is for ever. The broker's default where it is not set.
        type: int
      config:
        description: Further topic configuration in Kafka's own names, for example C(cleanup.policy).
        type: dict
        default: {}
  timeout:
    description: Seconds to wait for the broker at most.
    type: float
    default: 60
  inside:
    description: The server's address for other containers; used in the mode V(describe).
    type: str
attributes:
  check_mode:
    support: full
    description: A broker that does not answer is taken as one without topics.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Converge the topics
  kafka_topics:
    bootstrap: 127.0.0.1:9092
    container: cloudlab-kafka
    topics:
      - {name: order.created, partitions: 3, retention_hours: 72}
      - {name: cart.state, config: {cleanup.policy: compact}}
"""

RETURN = r"""
created:
  description: Names of topics that were missing.
  type: list
  elements: str
  returned: always
grown:
  description: Number of partitions by topic, for those that got more.
  type: dict
  returned: always
  sample: {order.created: 6}
altered:
  description: Configuration values by topic that were set; null went back to the broker's default.
  type: dict
  returned: always
  sample: {order.created: {retention.ms: "86400000"}}
undeclared:
  description: Topics of the broker that nobody declares, without Kafka's internal ones. They are left alone.
  type: list
  elements: str
  returned: always
"""
