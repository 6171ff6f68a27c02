DOCUMENTATION = r"""
module: kibana_data_views
short_description: Converge Kibana's data views
description:
  - Compares what is declared with Kibana, which is asked once for each declared data view, and puts what is missing or
    different.
  - Nothing is ever deleted. What nobody declares is left alone.
  - Waits until Kibana has all that it needs, and fails early, with the container's last log lines, when its container
    is not running or in a crash loop.
  - Runs in process on the controller; needs the Python packages C(requests) and C(docker).
extends_documentation_fragment: [modes]
options:
  url:
    description: Address of Kibana's published port.
    type: str
    required: true
  container:
    description: Name of Kibana's container, whose state and log explain a server that does not answer.
    type: str
    required: true
  user:
    description: Who asks, where the security of Elasticsearch is on.
    type: str
  password:
    description: The user's password.
    type: str
  data_views:
    description: The data views.
    type: list
    elements: dict
    required: true
    suboptions:
      title:
        description: A pattern of index names.
        type: str
        required: true
      id:
        description: Its identifier; the title unless it is set.
        type: str
      name:
        description: What the list in Kibana shows; the title unless it is set.
        type: str
      time_field:
        description: The field with the time of an entry. Without it everything is shown, whatever its age.
        type: str
  timeout:
    description: Seconds to wait for Kibana at most.
    type: float
    default: 300
  inside:
    description: Kibana's address for other containers; used in the mode V(describe).
    type: str
attributes:
  check_mode:
    support: full
    description: A server that does not answer is taken as one without data views.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Offer all orders for searching, by the time when they were placed
  kibana_data_views:
    url: http://127.0.0.1:3005
    container: cloudlab-kibana
    data_views:
      - {id: orders, title: orders-*, name: Orders, time_field: placed_at}
"""

RETURN = r"""
applied:
  description: The identifiers of those that were put, or would be in check mode.
  type: list
  elements: str
  returned: always
  sample: [orders]
"""
