"""Filters over a platform's services."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from ansible.errors import AnsibleFilterError

from cloudlab.compose import placeholders
from cloudlab.engine import machine
from cloudlab.images import trust
from cloudlab.model import catalogue as components
from cloudlab.model import platform, secrets
from cloudlab.model import settings as project_settings
from cloudlab.services import accounts, base, builder, seeding, specs, variables
from cloudlab.validate import platform as expectations

ROOT = Path(__file__).resolve().parents[2]
RELOAD = ROOT / "files" / "reload"
ENTRYPOINT = ROOT / "roles" / "go_service" / "templates" / "builder.sh.j2"


def service_specs(environment, catalogue, options):
    """The containers of the chosen services: see service_specs.yml."""
    names = service_names(environment)
    settings = _settings(environment, options)
    try:
        return specs.specs(names, environment["components"], catalogue, settings)
    except (base.ServiceError, secrets.SecretError) as error:
        raise AnsibleFilterError(str(error)) from None


def builder_spec(environment, catalogue, options):
    """The container that builds services: see builder_spec.yml."""
    environ, bundle = _download(environment)
    # Not only those of this run, so that the builder does not depend on tags.
    profile = components.choose(catalogue, options["profiles"], environment["profile"], [])
    wanted = {name for name in profile if catalogue[name]["role"] == platform.ROLE and "go" in catalogue[name]}
    return builder.spec(
        environment["components"][base.BUILDER]["spec"],
        builder.config(catalogue, wanted | set(service_names(environment)), options["polling"]),
        _settings(environment, options),
        str(RELOAD),
        bundle,
        environ,
    )


def seed_spec(environment, values, variables):
    """The container that runs the platform's seeding: see seed_spec.yml."""
    try:
        declared = platform.seed(values)
        seeding.size_of(declared, variables["SEED_SIZE"])
        environ, bundle = _download(environment)
        settings = base.Settings(
            platform=_absolute(values["platform_src"]),
            stores={},
            secret=_secret(environment, True),
            user=_reader(_absolute(values["platform_src"]), environment["engine"]),
            log_level=values["log_level"],
            own=environment["settings"],
        )
        if base.BUILDER not in environment["components"]:
            raise seeding.SeedingError(f"the profile {environment['profile']} has no services to seed.")
        of_builder = environment["components"][base.BUILDER]["spec"]
        toolchain = builder.spec(of_builder, "", settings, str(RELOAD), bundle, environ)
        texts = {name: str(value) for name, value in variables.items()}
        return seeding.container(environment, declared, toolchain, settings, texts)
    except (seeding.SeedingError, platform.PlatformError, base.ServiceError, secrets.SecretError) as error:
        raise AnsibleFilterError(str(error)) from None


def service_access(environment, stores, keep=True):
    """Addresses and logins of the chosen services: see service_access.yml."""
    settings = base.Settings("", stores, _secret(environment, keep), own=environment["settings"])
    try:
        return variables.access(service_names(environment), environment["catalogue"], settings)
    except (base.ServiceError, secrets.SecretError) as error:
        raise AnsibleFilterError(str(error)) from None


def service_accounts(environment, keep=True):
    """The services' accounts in PostgreSQL: see service_accounts.yml."""
    try:
        return accounts.accounts(environment["catalogue"], _secret(environment, keep))
    except secrets.SecretError as error:
        raise AnsibleFilterError(str(error)) from None


def service_indices(folder, environment):
    """The indices that a platform's services create: see service_indices.yml."""
    try:
        return expectations.indices(Path(_absolute(folder)), environment["catalogue"], environment["excluded"])
    except expectations.ExpectationError as error:
        raise AnsibleFilterError(str(error)) from None


def service_names(environment):
    """The chosen services: see service_names.yml."""
    return [
        name
        for name in environment["chosen"]
        if environment["components"][name]["role"] == platform.ROLE and name != base.BUILDER
    ]


def _settings(environment, options):
    folder = _absolute(options["platform"])
    # On another machine, the user is unknown, but the checkout must be readable by all.
    user = base.NOBODY if environment["described"] else _reader(folder, environment["engine"])
    return base.Settings(
        platform=folder,
        stores=options["stores"],
        secret=_secret(environment, options["keep"]),
        log_level=options["log_level"],
        user=user,
        reload=_version(),
        hot_reload=bool(options["hot_reload"]),
        images=options["images"],
        telemetry=options["telemetry"],
        own=environment["settings"],
    )


def _absolute(folder):
    """A path as the user wrote it: relative ones are relative to the project."""
    return str((ROOT / Path(folder).expanduser()).resolve())


def _download(environment):
    """(the user's environment, the file with the certificates that this machine trusts)"""
    if environment["described"]:
        named = {name: placeholders.variable(name) for name in builder.DOWNLOAD_VARIABLES}
        return named, placeholders.path("SSL_CERT_FILE")
    try:
        return os.environ, trust.ca_file(os.environ)
    except trust.TrustError as error:
        raise AnsibleFilterError(str(error)) from None


def _secret(environment, keep):
    """A function from the name of a generated secret to its value."""
    if environment["described"]:
        return placeholders.secret
    if environment["composed"]:
        told = project_settings.compose_variables(os.environ)
        return lambda name: placeholders.told_secret(name, told)
    return lambda name: secrets.secret(Path(environment["directory"]) / "secrets", name, keep)


def _reader(folder, engine):
    """The owner of the checkout, who can read it. A service never runs as root."""
    status = os.stat(folder)
    if not status.st_uid:
        return base.NOBODY
    return "{}:{}".format(*machine.reader(status.st_uid, status.st_gid, engine, os.getuid()))


@functools.cache
def _version():
    """The version of the programs that build and supervise services: a hash of their sources."""
    digest = hashlib.sha256()
    for file in sorted([*RELOAD.rglob("*.go"), RELOAD / "go.mod", ENTRYPOINT]):
        if not file.name.endswith("_test.go"):
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


class FilterModule:
    def filters(self):
        return {
            "service_names": service_names,
            "service_specs": service_specs,
            "builder_spec": builder_spec,
            "seed_spec": seed_spec,
            "service_access": service_access,
            "service_accounts": service_accounts,
            "service_indices": service_indices,
            "service_databases": accounts.databases,
        }
