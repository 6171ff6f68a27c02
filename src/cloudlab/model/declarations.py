"""The types of what is declared: a platform's cloudlab.yml, and group_vars/all/catalogue.yml.

The descriptions are published in the JSON Schemas of docs/schemas/, where editors show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

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
from cloudlab.model.schema import Declaration


class Port(Declaration):
    """A port of the container that is published on 127.0.0.1."""

    exactly_one = ("host", "setting")

    name: Annotated[Text, Meta(description="Name; the gateway uses the port named `http`, or else the first one.")]
    container: Annotated[PortNumber, Meta(description="Port in the container.")]
    host: Annotated[PortNumber | UnsetType, Meta(description="Port on this machine.")] = UNSET
    setting: Annotated[Text | UnsetType, Meta(description="Setting that holds the port on this machine.")] = UNSET


class ServicePort(Port):
    """A port of a service that is published on 127.0.0.1."""

    setting: Annotated[PortSetting | UnsetType, Meta(description="Setting for the port on this machine.")] = UNSET
    default: Annotated[PortNumber | UnsetType, Meta(description="Default of `setting`.")] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if (self.setting is UNSET) != (self.default is UNSET):
            yield "setting and default must be set together."


class Limits(Declaration):
    """Limits of one container."""

    memory: Annotated[Memory | UnsetType, Meta(description="Memory, for example 512m or 2g.")] = UNSET
    cpus: Cpus | UnsetType = UNSET
    pids: Annotated[Count | UnsetType, Meta(description="Processes and threads.")] = UNSET
    memory_setting: Annotated[
        Text | UnsetType, Meta(description="Setting that, if it is set, replaces the memory of every size.")
    ] = UNSET


class Resources(Declaration):
    """Limits per size. A profile selects the size."""

    full: Annotated[Limits | UnsetType, Meta(description="Limits of the size `full`.")] = UNSET
    lite: Annotated[Limits | UnsetType, Meta(description="Limits of the size `lite`; default: those of `full`.")] = (
        UNSET
    )


class Topic(Declaration):
    """A Kafka topic."""

    name: Annotated[Text, Meta(description="Name of the topic.")]
    partitions: Annotated[Count | UnsetType, Meta(description="Number of partitions.")] = UNSET
    retention_hours: Annotated[int | UnsetType, Meta(description="Hours for which messages are kept.")] = UNSET


class Metrics(Declaration):
    """Where the container serves Prometheus metrics."""

    port: Annotated[PortNumber, Meta(description="Port in the container.")]
    path: Annotated[UrlPath | UnsetType, Meta(description="Path; default /metrics.")] = UNSET


class Access(Declaration):
    """A login that the dashboard shows next to the address; placeholders as in `env`."""

    user: Annotated[Text | UnsetType, Meta(description="User name.")] = UNSET
    password: Annotated[Secret | UnsetType, Meta(description="Password, for example {secret.<name>}.")] = UNSET


class Health(Declaration):
    """Health check of a service."""

    exactly_one = ("http", "grpc", "tcp", "none")

    http: Annotated[UrlPath | UnsetType, Meta(description="Path that answers 2xx when the service is ready.")] = UNSET
    grpc: Annotated[PortNumber | UnsetType, Meta(description="Port of the gRPC health service.")] = UNSET
    tcp: Annotated[PortNumber | UnsetType, Meta(description="Port that accepts connections.")] = UNSET
    none: Annotated[bool | UnsetType, Meta(description="true: no health check.")] = UNSET
    port: Annotated[PortNumber | UnsetType, Meta(description="Port for `http`; default: the first of `ports`.")] = UNSET
    service: Annotated[Text | UnsetType, Meta(description="Service name for `grpc`.")] = UNSET
    start_period: Annotated[
        Duration | UnsetType, Meta(description="Time after the start in which failures do not count.")
    ] = UNSET


class RateLimit(Declaration):
    """At most `requests` per time; more are answered with 429."""

    requests: Annotated[Count, Meta(description="Number of requests.")]
    per: Annotated[Duration, Meta(description="Time, at least 1s.")]


class Route(Declaration):
    """Requests that the gateway forwards to the service: those below a path, or the calls of a gRPC service."""

    exactly_one = ("prefix", "grpc")

    prefix: Annotated[Prefix | UnsetType, Meta(description="Path that requests begin with.")] = UNSET
    grpc: Annotated[GrpcService | UnsetType, Meta(description="Full name of a gRPC service.")] = UNSET
    auth: Annotated[Auth, Meta(description="Whether a request needs a valid token.")] = "required"
    methods: Annotated[Methods | UnsetType, Meta(description="Allowed methods; default: all.")] = UNSET
    timeout: Annotated[
        Duration | Seconds | UnsetType, Meta(description="Time limit of a request; 0: none. Default: the gateway's.")
    ] = UNSET
    retries: Annotated[Retries | UnsetType, Meta(description="Retries of safe methods. Default: the gateway's.")] = (
        UNSET
    )
    rate_limit: Annotated[RateLimit | UnsetType, Meta(description="Limit of the request rate.")] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        for key in ("methods", "retries"):
            if self.grpc is not UNSET and getattr(self, key) is not UNSET:
                yield f"{key} applies to a route with a prefix only."


class Go(Declaration):
    """Where the service's program is."""

    main: Annotated[Text, Meta(description="Main package, relative to the module, for example ./cmd/order.")]
    module: Annotated[Text, Meta(description="Folder of go.mod or go.work, relative to the checkout.")] = "."
    args: Annotated[list[str | int | float], Meta(description="Arguments of the program.")] = []
    working_dir: Annotated[
        Text | UnsetType, Meta(description="Working directory, relative to the checkout; default: the module.")
    ] = UNSET
    tags: Annotated[list[str], Meta(description="Build tags.")] = []


class _Common(Declaration):
    summary: Annotated[Text, Meta(description="Short description, for tables and messages.")]
    needs: Annotated[list[str], Meta(description="Components that it depends on; selecting it selects them too.")] = []
    networks: Annotated[list[str], Meta(description="Networks that it joins; its DNS name there is its own name.")] = []
    volumes: Annotated[dict[str, Directory], Meta(description="Named volumes: name to path in the container.")] = {}
    topics: Annotated[
        list[Topic], Meta(description="Kafka topics that it owns; created and altered, never deleted.")
    ] = []
    metrics: Annotated[Metrics | UnsetType, Meta(description="Where the container serves Prometheus metrics.")] = UNSET
    schema: Annotated[
        bool | UnsetType, Meta(description="true: a PostgreSQL schema and login role, named after the component.")
    ] = UNSET
    database: Annotated[
        Text | UnsetType, Meta(description="Name of a PostgreSQL database of its own, instead of a schema.")
    ] = UNSET

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.schema is True and self.database is not UNSET:
            yield "schema and database exclude each other. Remove one of them."


class Service(_Common, kw_only=True):
    """A service of the platform."""

    go: Annotated[Go, Meta(description="Where the service's program is.")]
    ports: Annotated[list[ServicePort], Meta(description="Ports that are published on 127.0.0.1.")] = []
    networks: Annotated[list[str], Meta(description="Networks that it joins; default [backend, database].")] = field(
        default_factory=lambda: ["backend", "database"]
    )
    grpc: Annotated[
        PortNumber | UnsetType, Meta(description="gRPC port of the container, for other services and the gateway.")
    ] = UNSET
    replicas: Annotated[Count, Meta(description="Containers that share the load under one DNS name.")] = 1
    env: Annotated[
        dict[str, Value],
        Meta(description="Environment variables, with placeholders such as {postgres.host} or {secret.<name>}."),
    ] = {}
    health: Annotated[Health, Meta(description="Health check; default: none.")] = field(
        default_factory=lambda: Health(none=True)
    )
    routes: Annotated[list[Route], Meta(description="What the gateway exposes.")] = []
    access: Annotated[Access | UnsetType, Meta(description="Login that the dashboard shows.")] = UNSET
    resources: Annotated[
        Resources, Meta(description="Limits per size; default: memory 192m (lite 128m), 2 CPUs, 256 processes.")
    ] = field(default_factory=Resources)
    # After the stores, before the tools.
    startup: Annotated[int, Meta(description="Startup order, lowest first.")] = 55

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.health.http is not UNSET and self.health.port is UNSET and not self.ports:
            yield "health.port must be set, because the service publishes no port."


class Setting(Declaration):
    """A setting of the platform, for `.env` and for `{setting.<name>}` in `env`."""

    type: Annotated[Literal["str", "int", "bool"], Meta(description="Type of its value.")]
    default: Annotated[str | int | bool, Meta(description="Value if .env does not set it.")]
    choices: Annotated[list[str | int | bool] | UnsetType, Meta(description="Its valid values.")] = UNSET
    description: Annotated[str, Meta(description="Description, for .env.example and docs.")] = ""

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if type(self.default).__name__ != self.type:
            yield f"default must be of the type {self.type}."
        if self.choices is not UNSET and self.default not in self.choices:
            yield "choices must contain the default."


class Tokens(Declaration):
    """Tokens that the gateway accepts: the defaults of GATEWAY_JWT_… in .env."""

    service: Annotated[str, Meta(description="Service that publishes the signing keys; empty for none.")] = ""
    jwks_path: Annotated[UrlPath | UnsetType, Meta(description="Path of the signing keys.")] = UNSET
    issuer: Annotated[str | UnsetType, Meta(description="Required value of the claim iss.")] = UNSET
    audiences: Annotated[str | list[str] | UnsetType, Meta(description="Accepted values of the claim aud.")] = UNSET


class Gateway(Declaration):
    """Settings of the gateway for this platform."""

    jwt: Annotated[Tokens | UnsetType, Meta(description="Tokens that the gateway accepts.")] = UNSET


class Seed(Declaration):
    """A program that fills the stores with sample data."""

    go: Annotated[Go, Meta(description="Where the program is.")]
    sizes: Annotated[
        dict[str, dict[str, int]],
        Meta(
            min_length=1,
            description="Number of objects by kind, for each size.",
            extra={"expected": "a mapping of at least one size"},
        ),
    ]
    env: Annotated[dict[str, Value], Meta(description="Environment variables, with placeholders as in services.")] = {}


class Platform(Declaration):
    """A platform: the services of a checkout, and what they add to the environment."""

    services: Annotated[dict[Name, Service], Meta(description="The services by name.")]
    settings: Annotated[dict[SettingName, Setting], Meta(description="Settings of the platform by name.")] = {}
    gateway: Annotated[Gateway | UnsetType, Meta(description="Settings of the gateway for this platform.")] = UNSET
    seed: Annotated[Seed | UnsetType, Meta(description="Program that fills the stores with sample data.")] = UNSET


class Component(_Common, kw_only=True):
    """A component of the infrastructure."""

    role: Annotated[Text, Meta(description="Role that converges it.")]
    kind: Annotated[Literal["store", "gateway", "tool", "observability"], Meta(description="What it is.")]
    image: Annotated[Text | UnsetType, Meta(description="Key of `images`.")] = UNSET
    ports: Annotated[list[Port], Meta(description="Ports that are published on 127.0.0.1.")] = []
    data_of: Annotated[
        list[str],
        Meta(description="Components whose data is unusable without this one's; a reset of its data resets theirs."),
    ] = []
    resources: Annotated[Resources, Meta(description="Limits per size.")] = field(default_factory=Resources)
    startup: Annotated[int, Meta(description="Startup order, lowest first, so that slow components start early.")] = 50
    values: Annotated[
        list[str], Meta(description="Values of a store for the `env` of services, as in {postgres.host}.")
    ] = []
    account_values: Annotated[
        list[str], Meta(description="Values of the service's own account, for services with `schema` or `database`.")
    ] = []
    rows_in: Annotated[
        Text | UnsetType, Meta(description="What holds a store's rows (table, index), where services may seed them.")
    ] = UNSET
    dump: Annotated[
        Text | UnsetType, Meta(description="Command that exports a store's data, to move it to another version.")
    ] = UNSET


class Network(Declaration):
    """A network. Components without a common network cannot connect."""

    summary: Annotated[Text, Meta(description="What it is for.")]
    subnet: Annotated[str, Meta(description="Subnet in CIDR notation; empty: the engine chooses it.")] = ""


class DataFormat(Declaration):
    """The version of the on-disk format per image source, where they differ."""

    registry: Annotated[Text, Meta(description="Of the upstream image.")]
    packages: Annotated[Text, Meta(description="Of the image that is built from packages.")]


class Image(Declaration):
    """A pinned upstream image and its equivalent from packages."""

    repository: Annotated[Text, Meta(description="Repository of the upstream image.")]
    tag: Annotated[Text, Meta(description="Its tag.")]
    digest: Annotated[
        str,
        Meta(
            description="Digest that pins it further; empty: none.",
            pattern=r"^(sha256:[0-9a-f]{64})?$",
            extra={"expected": "an empty string or sha256:<64 hexadecimal digits>"},
        ),
    ] = ""
    context: Annotated[
        Text | UnsetType,
        Meta(
            description="Directory of files/images/ that builds it from packages; without it, the component is skipped "
            "when no registry is reachable."
        ),
    ] = UNSET
    data: Annotated[
        Text | DataFormat | UnsetType,
        Meta(description="Version of the on-disk format; data in another format is never opened."),
    ] = UNSET


class Catalogue(Declaration):
    """The catalogue of components, their networks and images."""

    catalogue: Annotated[dict[Name, Component], Meta(description="The components by name.")]
    networks: Annotated[dict[str, Network], Meta(description="The networks by name.")]
    images: Annotated[dict[str, Image], Meta(description="The images by key.")]
