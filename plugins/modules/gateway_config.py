DOCUMENTATION = r"""
module: gateway_config
short_description: Converge the API gateway's configuration without a restart
description:
  - Renders Envoy's clusters, listener and routes from the routes that services declare, and applies them without
    dropping a connection. Envoy watches the files; its container is not recreated.
  - Validates a configuration first, with C(envoy --mode validate) in a temporary container of the same image. A
    configuration that Envoy rejects is never written. After the change, Envoy's statistics show whether it loaded each
    file; if not, the previous files are restored and the task fails with Envoy's error message.
  - Adds clusters before the routes that need them, and removes clusters after their routes.
  - Returns the bootstrap configuration, which is part of the container's specification.
  - If the engine does not propagate renames (in a virtual machine), the container is restarted, with a warning.
  - If nothing changed, neither the engine nor Envoy is queried.
  - Runs in process on the controller; requires the Python package C(docker).
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance.
    type: str
    required: true
  directory:
    description: Directory of the instance; the files are in its subdirectory C(config/gateway-live/).
    type: path
    required: true
  container:
    description: Name of the gateway's container, which need not exist yet.
    type: str
    required: true
  image:
    description: Image of the container.
    type: str
    required: true
  services:
    description:
      - Services behind the gateway and their routes, created from the catalogue by filter P(gateway_services#filter).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: DNS name of the service.
        type: str
        required: true
      http:
        description: Container port for HTTP.
        type: int
      grpc:
        description: Container port for gRPC.
        type: int
      routes:
        description:
          - "Below a path: C(prefix), C(auth) (V(required), V(optional) or V(none)), C(methods), C(timeout),
            C(retries) of safe methods, C(rate_limit) with C(requests) and C(per)."
          - "A gRPC service: C(grpc), its full name, and C(auth), C(timeout), C(rate_limit)."
        type: list
        elements: dict
  port:
    description: Port that the gateway listens on, inside the container.
    type: int
    default: 8080
  timeout:
    description: Default timeout of a request.
    type: str
    default: 15s
  retries:
    description: Default number of retries for safe methods.
    type: int
    default: 2
  tracing_endpoint:
    description: host:port of an OTLP/HTTP collector; without it, the gateway creates no spans.
    type: str
    default: ""
  tracing_sampling:
    description: Percentage of requests without a trace context that are traced.
    type: int
    default: 100
  jwt:
    description: Tokens that the gateway accepts.
    type: dict
    required: true
    suboptions:
      service:
        description: Service that publishes the signing keys; empty if no route checks tokens.
        type: str
        default: ""
      path:
        description: Path of the signing keys.
        type: str
        default: /.well-known/jwks.json
      issuer:
        description: Required value of the claim C(iss); empty for any.
        type: str
        default: ""
      audiences:
        description: Accepted values of the claim C(aud); empty for any.
        type: list
        elements: str
        default: []
      cache:
        description: Cache time of fetched keys.
        type: str
        default: 1m
      clock_skew:
        description: Allowed clock skew, in seconds.
        type: int
        default: 5
      claims:
        description: "Claims to pass to services as request headers, claim to header. Clients cannot set these headers."
        type: dict
        default: {}
  cors:
    description: CORS policy for web front ends.
    type: dict
    required: true
    suboptions:
      origins:
        description: Allowed origins; C(*) matches any characters except a slash.
        type: list
        elements: str
        default: []
      allow_headers:
        description: Request headers to allow.
        type: list
        elements: str
        default: []
      expose_headers:
        description: Response headers to expose.
        type: list
        elements: str
        default: []
      max_age:
        description: Time for which browsers cache the preflight response, in seconds.
        type: int
        default: 600
attributes:
  check_mode:
    support: full
    description: The configuration is also validated in check mode, if the image is present.
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
      - name: billing
        http: 8080
        grpc: 9090
        routes:
          - {prefix: /invoices, auth: required, rate_limit: {requests: 100, per: 1m}}
          - {grpc: example.billing.v1.Billing, auth: required}
    jwt: {service: login, issuer: "http://login:8080", audiences: [platform], claims: {sub: x-user-id}}
    cors: {origins: ["http://localhost:*"]}
  register: gateway
"""

RETURN = r"""
bootstrap:
  description: Bootstrap configuration of Envoy, as JSON.
  type: str
  returned: always
folder:
  description: Directory of the live files, to be mounted at /etc/envoy/live.
  type: str
  returned: always
files:
  description: Names of the live files that changed.
  type: list
  elements: str
  returned: always
  sample: [rds.json]
live:
  description: Whether a running gateway loaded the change.
  type: bool
  returned: always
"""
