DOCUMENTATION = r"""
module: kibana_data_views
short_description: Converge Kibana's data views
description:
  - Compares the declaration to Kibana, which it queries once for each declared data view, and creates or updates what
    is missing or different.
  - Never deletes anything. Data views that are not declared are not changed.
  - Waits until Kibana is available, and fails early with the container's last log lines if the container is not running
    or is in a restart loop.
  - Runs in process on the controller; requires the Python packages C(requests) and C(docker).
extends_documentation_fragment: [modes, store, store.http, store.inside]
options:
  data_views:
    description: Declared data views.
    type: list
    elements: dict
    required: true
    suboptions:
      title:
        description: Pattern of index names.
        type: str
        required: true
      id:
        description: Identifier of the data view; the title by default.
        type: str
      name:
        description: Display name of the data view; the title by default.
        type: str
      time_field:
        description: Field with the timestamp of an entry. Without it, entries are not filtered by time.
        type: str
  timeout:
    default: 300
attributes:
  check_mode:
    support: full
    description: A server that does not respond is treated as one without data views.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Declare a data view of all orders, sorted by time
  kibana_data_views:
    url: http://127.0.0.1:3005
    container: cloudlab-kibana
    data_views:
      - {id: orders, title: orders-*, name: Orders, time_field: placed_at}
"""

RETURN = r"""
applied:
  description: Identifiers of data views that were created or updated (in check mode, would be).
  type: list
  elements: str
  returned: always
  sample: [orders]
"""
