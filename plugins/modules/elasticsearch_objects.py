DOCUMENTATION = r"""
module: elasticsearch_objects
short_description: Converge index templates and indices of an Elasticsearch server
description:
  - Compares the declaration to the server, which it queries once for templates and once for the declared indices, and
    creates or updates what is missing or different.
  - Never deletes anything. A template is replaced by its declaration. An index gets missing fields, settings and
    aliases; a change that Elasticsearch does not support in place, such as a field's type, is a warning.
  - Waits until the server responds, and fails early with the container's last log lines if the container is not running
    or is in a restart loop.
  - Runs in process on the controller; requires the Python packages C(requests) and C(docker).
extends_documentation_fragment: [modes, store, store.http, store.inside]
options:
  index_templates:
    description:
      - Composable index templates, each with C(name) and the keys of C(PUT /_index_template). Settings may be nested or
        dotted, with or without the leading C(index).
    type: list
    elements: dict
    default: []
  indices:
    description: Indices, each with its C(name) and optionally C(settings), C(mappings) and C(aliases).
    type: list
    elements: dict
    default: []
  timeout:
    default: 120
attributes:
  check_mode:
    support: full
    description: A server that does not respond is treated as empty.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Converge the search index
  elasticsearch_objects:
    url: http://127.0.0.1:9200
    container: cloudlab-elasticsearch
    index_templates:
      - name: products
        index_patterns: [products-*]
        priority: 100
        template:
          settings: {number_of_replicas: 0}
          mappings:
            properties:
              title: {type: text}
              price: {type: scaled_float, scaling_factor: 100}
"""

RETURN = r"""
applied:
  description: Objects that were created or updated (in check mode, would be).
  type: list
  elements: str
  returned: always
  sample: [index template products]
"""
