DOCUMENTATION = r"""
module: elasticsearch_objects
short_description: Converge index templates and indices of an Elasticsearch server
description:
  - Compares what is declared with the server, which is asked once for its templates and once for the declared indices,
    and puts what is missing or different.
  - Nothing is ever deleted. A template becomes equal to its declaration. An index gets the fields, settings and aliases
    that it lacks; what Elasticsearch cannot alter in place, such as a field's type, is a warning.
  - Waits until the server answers, and fails early, with the container's last log lines, when its container is not
    running or in a crash loop.
  - Runs in process on the controller; needs the Python packages C(requests) and C(docker).
extends_documentation_fragment: [modes]
options:
  url:
    description: Address of the server's published port.
    type: str
    required: true
  container:
    description: Name of the server's container, whose state and log explain a server that does not answer.
    type: str
    required: true
  user:
    description: Who asks, where the server's security is on.
    type: str
  password:
    description: The user's password.
    type: str
  index_templates:
    description:
      - Composable index templates in the words of C(PUT /_index_template), each with its C(name). Settings may be
        nested or dotted, with or without the leading C(index).
    type: list
    elements: dict
    default: []
  indices:
    description: Indices, each with its C(name) and optionally C(settings), C(mappings) and C(aliases).
    type: list
    elements: dict
    default: []
  timeout:
    description: Seconds to wait for the server at most.
    type: float
    default: 120
  inside:
    description: The server's address for other containers; used in the mode V(describe).
    type: str
attributes:
  check_mode:
    support: full
    description: A server that does not answer is taken as an empty one.
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
  description: What was put, or would be in check mode.
  type: list
  elements: str
  returned: always
  sample: [index template products]
"""
