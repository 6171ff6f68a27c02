DOCUMENTATION = r"""
module: gateway_config
short_description: Converge the API gateway's configuration, live
description:
  - Makes Envoy's clusters, listener and routes from the routes that services declare, and brings them into the gateway
    without dropping a connection. Envoy watches the files; its container is not made anew.
  - A configuration is tried out first, by C(envoy --mode validate) in a container of its own with the same image. What
    Envoy refuses is never written. After the change Envoy is asked whether it took each file over; if it did not, the
    former files are put back and the task fails with Envoy's own words.
  - Clusters are added before the routes that need them, and removed after.
  - Returns the bootstrap configuration, which belongs to the container's specification.
  - Where the engine does not pass on that a file was renamed (a virtual machine), the container is restarted, with a
    warning.
  - With nothing to do, neither the engine nor Envoy is asked.
  - Runs in process on the controller; needs the Python package C(docker).
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance.
    type: str
    required: true
  directory:
    description: The instance's directory; the files stand in C(config/gateway-live/) below it.
    type: path
    required: true
  container:
    description: Name of the gateway's container. It need not exist yet.
    type: str
    required: true
  image:
    description: The image it runs, or is going to run.
    type: str
    required: true
  services:
    description:
      - The services that the gateway may reach, and what it exposes of them. The filter P(gateway_services#filter)
        makes the list from the catalogue.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The service's DNS name.
        type: str
        required: true
      http:
        description: Its container port for HTTP.
        type: int
      grpc:
        description: Its container port for gRPC.
        type: int
      routes:
        description:
          - "Below a path: C(prefix), C(auth) (V(required), V(optional) or V(none)), C(methods), C(timeout),
            C(retries) of safe methods, C(rate_limit) with C(requests) and C(per)."
          - "A gRPC service: C(grpc), its full name, and C(auth), C(timeout), C(rate_limit)."
        type: list
        elements: dict
  port:
    description: The port that the gateway listens on, inside the container.
    type: int
    default: 8080
  timeout:
    description: How long a request may take where its route does not say.
    type: str
    default: 15s
  retries:
    description: How often a request of a safe method is repeated where its route does not say.
    type: int
    default: 2
  tracing_endpoint:
    description: host:port of a collector that takes OTLP over HTTP; no spans are made without it.
    type: str
    default: ""
  tracing_sampling:
    description: Of a hundred requests that bring no trace context, how many are traced.
    type: int
    default: 100
  jwt:
    description: Whose tokens count.
    type: dict
    required: true
    suboptions:
      service:
        description: The service that publishes the keys; empty when no route looks at tokens.
        type: str
        default: ""
      path:
        description: Where it publishes them.
        type: str
        default: /.well-known/jwks.json
      issuer:
        description: What the claim C(iss) must say; anything when empty.
        type: str
        default: ""
      audiences:
        description: One of them must be in the claim C(aud); anything when empty.
        type: list
        elements: str
        default: []
      cache:
        description: How long fetched keys are used before they are fetched again.
        type: str
        default: 1m
      clock_skew:
        description: Seconds by which clocks may differ.
        type: int
        default: 5
      claims:
        description: "Claims that are passed on: claim to header. The headers are removed from what comes from outside."
        type: dict
        default: {}
  cors:
    description: Which web front ends may call.
    type: dict
    required: true
    suboptions:
      origins:
        description: Origins; C(*) stands for any characters but a slash.
        type: list
        elements: str
        default: []
      allow_headers:
        description: Request headers that they may send.
        type: list
        elements: str
        default: []
      expose_headers:
        description: Response headers that they may read.
        type: list
        elements: str
        default: []
      max_age:
        description: Seconds for which a browser remembers the answer.
        type: int
        default: 600
attributes:
  check_mode:
    support: full
    description: The configuration is tried out in check mode too, when the image is present.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Converge the configuration
  gateway_config:
    instance: "{{ cloudlab.instance }}"
    directory: "{{ cloudlab.directory }}"
    container: "{{ cloudlab.components.gateway.container }}"
    image: "{{ cloudlab.components.gateway.spec.image }}"
    services:
      - name: order
        http: 8080
        grpc: 9090
        routes:
          - {prefix: /api/v1/orders, auth: required, rate_limit: {requests: 100, per: 1m}}
          - {grpc: shop.order.v1.OrderService, auth: required}
    jwt: {service: auth, issuer: "http://auth:8080", audiences: [platform], claims: {sub: x-user-id}}
    cors: {origins: ["http://localhost:*"]}
  register: gateway
"""

RETURN = r"""
bootstrap:
  description: What Envoy is to be started with, as JSON.
  type: str
  returned: always
folder:
  description: The folder with the live files, to be mounted at /etc/envoy/live.
  type: str
  returned: always
files:
  description: Names of the live files that changed.
  type: list
  elements: str
  returned: always
  sample: [rds.json]
live:
  description: Whether a running gateway took the change over.
  type: bool
  returned: always
"""
