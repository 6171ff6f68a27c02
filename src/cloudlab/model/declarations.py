"""The types of what is declared: a platform's cloudlab.yml and stores.yml, and group_vars/all/catalogue.yml.

The descriptions are published in the JSON Schemas of docs/schemas/, where editors show them.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, UnsetType, field

from cloudlab.model.scalars import (
    Auth,
    Count,
    Cpus,
    Directory,
    Duration,
    GrpcService,
    Memory,
    Methods,
    Name,
    PortNumber,
    PortSetting,
    Prefix,
    Retries,
    Seconds,
    Secret,
    SettingName,
    Text,
    UrlPath,
    Value,
)
from cloudlab.model.schema import Declaration, doc, valid


class Port(Declaration):
    """A port of the container that is published on 127.0.0.1."""

    exactly_one = ("host", "setting")

    name: Annotated[Text, doc("Name; the gateway uses the port named `http`, or else the first one.")]
    container: Annotated[PortNumber, doc("Port in the container.")]
    host: Annotated[PortNumber | UnsetType, doc("Port on this machine.")] = UNSET
    setting: Annotated[Text | UnsetType, doc("Setting that holds the port on this machine.")] = UNSET


class ServicePort(Port):
    """A port of a service that is published on 127.0.0.1."""

    setting: Annotated[PortSetting | UnsetType, doc("Setting for the port on this machine.")] = UNSET
    default: Annotated[PortNumber | UnsetType, doc("Default of `setting`.")] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if (self.setting is UNSET) != (self.default is UNSET):
            yield "setting and default must be set together."


class Limits(Declaration):
    """Limits of one container."""

    memory: Annotated[Memory | UnsetType, doc("Memory, for example 512m or 2g.")] = UNSET
    cpus: Cpus | UnsetType = UNSET
    pids: Annotated[Count | UnsetType, doc("Processes and threads.")] = UNSET
    memory_setting: Annotated[
        Text | UnsetType, doc("Setting that, if it is set, replaces the memory of every size.")
    ] = UNSET


class Resources(Declaration):
    """Limits per size. A profile selects the size."""

    full: Annotated[Limits | UnsetType, doc("Limits of the size `full`.")] = UNSET
    lite: Annotated[Limits | UnsetType, doc("Limits of the size `lite`; default: those of `full`.")] = UNSET


class Volume(Declaration):
    """A named volume that depends on settings."""

    path: Annotated[Directory, doc("Path in the container.")]
    when: Annotated[dict[str, str], doc("Settings and the values with which it is used; otherwise, it is kept.")]


class Topic(Declaration):
    """A Kafka topic."""

    name: Annotated[Text, doc("Name of the topic.")]
    partitions: Annotated[Count | UnsetType, doc("Number of partitions.")] = UNSET
    retention_hours: Annotated[int | UnsetType, doc("Hours for which messages are kept.")] = UNSET


class Metrics(Declaration):
    """Where the container serves Prometheus metrics."""

    port: Annotated[PortNumber, doc("Port in the container.")]
    path: Annotated[UrlPath | UnsetType, doc("Path; default /metrics.")] = UNSET


class Access(Declaration):
    """A login that the dashboard shows next to the address; placeholders as in `env`."""

    user: Annotated[Text | UnsetType, doc("User name.")] = UNSET
    password: Annotated[Secret | UnsetType, doc("Password, for example {secret.<name>}.")] = UNSET


class Health(Declaration):
    """Health check of a service."""

    exactly_one = ("http", "grpc", "tcp", "none")

    http: Annotated[UrlPath | UnsetType, doc("Path that answers 2xx when the service is ready.")] = UNSET
    grpc: Annotated[PortNumber | UnsetType, doc("Port of the gRPC health service.")] = UNSET
    tcp: Annotated[PortNumber | UnsetType, doc("Port that accepts connections.")] = UNSET
    none: Annotated[bool | UnsetType, doc("true: no health check.")] = UNSET
    port: Annotated[PortNumber | UnsetType, doc("Port for `http`; default: the first of `ports`.")] = UNSET
    service: Annotated[Text | UnsetType, doc("Service name for `grpc`.")] = UNSET
    start_period: Annotated[Duration | UnsetType, doc("Time after the start in which failures do not count.")] = UNSET


class RateLimit(Declaration):
    """At most `requests` per time; more are answered with 429."""

    requests: Annotated[Count, doc("Number of requests.")]
    per: Annotated[Duration, doc("Time, at least 1s.")]


class Route(Declaration):
    """Requests that the gateway forwards to the service: those below a path, or the calls of a gRPC service."""

    exactly_one = ("prefix", "grpc")

    prefix: Annotated[Prefix | UnsetType, doc("Path that requests begin with.")] = UNSET
    grpc: Annotated[GrpcService | UnsetType, doc("Full name of a gRPC service.")] = UNSET
    auth: Annotated[Auth, doc("Whether a request needs a valid token.")] = "required"
    methods: Annotated[Methods | UnsetType, doc("Allowed methods; default: all.")] = UNSET
    timeout: Annotated[
        Duration | Seconds | UnsetType, doc("Time limit of a request; 0: none. Default: the gateway's.")
    ] = UNSET
    retries: Annotated[Retries | UnsetType, doc("Retries of safe methods. Default: the gateway's.")] = UNSET
    rate_limit: Annotated[RateLimit | UnsetType, doc("Limit of the request rate.")] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        for key in ("methods", "retries"):
            if self.grpc is not UNSET and getattr(self, key) is not UNSET:
                yield f"{key} applies to a route with a prefix only."


class Go(Declaration):
    """Where the service's program is."""

    main: Annotated[Text, doc("Main package, relative to the module, for example ./cmd/billing.")]
    module: Annotated[Text, doc("Folder of go.mod or go.work, relative to the checkout.")] = "."
    args: Annotated[list[str | int | float], doc("Arguments of the program.")] = []
    working_dir: Annotated[
        Text | UnsetType, doc("Working directory, relative to the checkout; default: the module.")
    ] = UNSET
    tags: Annotated[list[str], doc("Build tags.")] = []


class _Common(Declaration):
    summary: Annotated[Text, doc("Short description, for tables and messages.")]
    needs: Annotated[list[str], doc("Components that it depends on; selecting it selects them too.")] = []
    networks: Annotated[list[str], doc("Networks that it joins; its DNS name there is its own name.")] = []
    topics: Annotated[list[Topic], doc("Kafka topics that it owns; created and altered, never deleted.")] = []
    metrics: Annotated[Metrics | UnsetType, doc("Where the container serves Prometheus metrics.")] = UNSET
    schema: Annotated[bool | UnsetType, doc("true: a PostgreSQL schema and login role, named after the component.")] = (
        UNSET
    )
    database: Annotated[Text | UnsetType, doc("Name of a PostgreSQL database of its own, instead of a schema.")] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.schema is True and self.database is not UNSET:
            yield "schema and database exclude each other. Remove one of them."


class Service(_Common, kw_only=True):
    """A service of the platform."""

    go: Annotated[Go, doc("Where the service's program is.")]
    ports: Annotated[list[ServicePort], doc("Ports that are published on 127.0.0.1.")] = []
    volumes: Annotated[dict[str, Directory], doc("Named volumes: name to path in the container.")] = {}
    networks: Annotated[list[str], doc("Networks that it joins; default [backend, database].")] = field(
        default_factory=lambda: ["backend", "database"]
    )
    grpc: Annotated[PortNumber | UnsetType, doc("gRPC port of the container, for other services and the gateway.")] = (
        UNSET
    )
    replicas: Annotated[Count, doc("Containers that share the load under one DNS name.")] = 1
    env: Annotated[
        dict[str, Value], doc("Environment variables, with placeholders such as {postgres.host} or {secret.<name>}.")
    ] = {}
    health: Annotated[Health, doc("Health check; default: none.")] = field(default_factory=lambda: Health(none=True))
    routes: Annotated[list[Route], doc("What the gateway exposes.")] = []
    access: Annotated[Access | UnsetType, doc("Login that the dashboard shows.")] = UNSET
    resources: Annotated[
        Resources, doc("Limits per size; default: memory 192m (lite 128m), 2 CPUs, 256 processes.")
    ] = field(default_factory=Resources)
    # After the stores, before the tools.
    startup: Annotated[int, doc("Startup order, lowest first.")] = 55

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.health.http is not UNSET and self.health.port is UNSET and not self.ports:
            yield "health.port must be set, because the service publishes no port."


class Setting(Declaration):
    """A setting of the platform, for `.env` and for `{setting.<name>}` in `env`."""

    type: Annotated[Literal["str", "int", "bool"], doc("Type of its value.")]
    default: Annotated[str | int | bool, doc("Value if .env does not set it.")]
    choices: Annotated[list[str | int | bool] | UnsetType, doc("Its valid values.")] = UNSET
    description: Annotated[str, doc("Description, for .env.example and docs.")] = ""

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if type(self.default).__name__ != self.type:
            yield f"default must be of the type {self.type}."
        if self.choices is not UNSET and self.default not in self.choices:
            yield "choices must contain the default."


class Tokens(Declaration):
    """Tokens that the gateway accepts: the defaults of GATEWAY_JWT_… in .env."""

    service: Annotated[str, doc("Service that publishes the signing keys; empty for none.")] = ""
    jwks_path: Annotated[UrlPath | UnsetType, doc("Path of the signing keys.")] = UNSET
    issuer: Annotated[str | UnsetType, doc("Required value of the claim iss.")] = UNSET
    audiences: Annotated[str | list[str] | UnsetType, doc("Accepted values of the claim aud.")] = UNSET


class Gateway(Declaration):
    """Settings of the gateway for this platform."""

    jwt: Annotated[Tokens | UnsetType, doc("Tokens that the gateway accepts.")] = UNSET


class Seed(Declaration):
    """A program that fills the stores with sample data."""

    go: Annotated[Go, doc("Where the program is.")]
    sizes: Annotated[
        dict[str, dict[str, int]],
        valid("a mapping of at least one size", min_length=1),
        doc("Number of objects by kind, for each size."),
    ]
    env: Annotated[dict[str, Value], doc("Environment variables, with placeholders as in services.")] = {}


class Platform(Declaration):
    """A platform: the services of a checkout, and what they add to the environment."""

    services: Annotated[dict[Name, Service], doc("The services by name.")]
    settings: Annotated[dict[SettingName, Setting], doc("Settings of the platform by name.")] = {}
    gateway: Annotated[Gateway | UnsetType, doc("Settings of the gateway for this platform.")] = UNSET
    seed: Annotated[Seed | UnsetType, doc("Program that fills the stores with sample data.")] = UNSET


class Stores(Declaration):
    """What the services create in the stores themselves: stores.yml."""

    migrations: Annotated[
        dict[str, dict[str, str]], doc("Service: version table to the directory of its migrations.")
    ] = {}
    indices: Annotated[dict[str, list[str]], doc("Service: its Elasticsearch indices.")] = {}
    tables: Annotated[dict[str, list[str]], doc("Service: its ClickHouse tables.")] = {}
    seeded: Annotated[dict[str, dict[str, str]], doc("Store: location to the kind of seeded objects.")] = {}


class Component(_Common, kw_only=True):
    """A component of the infrastructure."""

    role: Annotated[Text, doc("Role that converges it.")]
    kind: Annotated[Literal["store", "gateway", "tool", "observability"], doc("What it is.")]
    image: Annotated[Text | UnsetType, doc("Key of `images`.")] = UNSET
    when: Annotated[dict[str, str], doc("Settings and the values with which the component exists.")] = {}
    ports: Annotated[list[Port], doc("Ports that are published on 127.0.0.1.")] = []
    volumes: Annotated[dict[str, Directory | Volume], doc("Named volumes: name to path in the container.")] = {}
    data_of: Annotated[
        list[str], doc("Components whose data is unusable without this one's; a reset of its data resets theirs.")
    ] = []
    resources: Annotated[Resources, doc("Limits per size.")] = field(default_factory=Resources)
    startup: Annotated[int, doc("Startup order, lowest first, so that slow components start early.")] = 50
    values: Annotated[list[str], doc("Values for the `env` of services, as in {postgres.host}.")] = []
    account_values: Annotated[
        list[str], doc("Values of the service's own account, for services with `schema` or `database`.")
    ] = []
    rows_in: Annotated[
        Text | UnsetType, doc("What holds a store's rows (table, index), where services may seed them.")
    ] = UNSET
    dump: Annotated[Text | UnsetType, doc("Command that exports a store's data, to move it to another version.")] = (
        UNSET
    )


class Network(Declaration):
    """A network. Components without a common network cannot connect."""

    summary: Annotated[Text, doc("What it is for.")]
    subnet: Annotated[str, doc("Subnet in CIDR notation; empty: the engine chooses it.")] = ""


class DataFormat(Declaration):
    """The version of the on-disk format per image source, where they differ."""

    registry: Annotated[Text, doc("Of the upstream image.")]
    packages: Annotated[Text, doc("Of the image that is built from packages.")]


class Image(Declaration):
    """A pinned upstream image and its equivalent from packages."""

    repository: Annotated[Text, doc("Repository of the upstream image.")]
    tag: Annotated[Text, doc("Its tag.")]
    context: Annotated[
        Text | UnsetType,
        doc("Directory of files/images/ that builds it from packages; without it, it needs a registry."),
    ] = UNSET
    data: Annotated[
        Text | DataFormat | UnsetType, doc("Version of the on-disk format; data in another format is never opened.")
    ] = UNSET


class Catalogue(Declaration):
    """The catalogue of components, their networks and images."""

    catalogue: Annotated[dict[Name, Component], doc("The components by name.")]
    networks: Annotated[dict[str, Network], doc("The networks by name.")]
    images: Annotated[dict[str, Image], doc("The images by key.")]
