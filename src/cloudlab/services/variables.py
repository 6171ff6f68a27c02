"""Environment variables and logins of services, with their placeholders filled in."""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.model import placeholders
from cloudlab.model.catalogue import main_port
from cloudlab.services.accounts import account, has_account
from cloudlab.services.base import ServiceError, Settings


def environment(name: str, catalogue: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The variables of a service with every placeholder filled in. Its own override those that all services get."""
    common = {"OTEL_SERVICE_NAME": name, **settings.telemetry} if settings.telemetry else {}
    return {**common, **_filled(name, catalogue, settings, catalogue[name].get("env", {}))}


def access(names: Iterable[str], catalogue: Mapping[str, Any], settings: Settings) -> dict[str, dict[str, str]]:
    """How to reach each of the services `names` from this machine, as the report takes it: {"url", "user", "password"}.

    The port is the service's first published one; `user` and `password` are declared under `access`.
    """
    found = {}
    for name in names:
        entry = catalogue[name]
        scheme = "http://" if "http" in entry.get("health", {}) else ""
        logins = _filled(name, catalogue, settings, entry.get("access", {}))
        found[name] = {"url": scheme + "{host}:{port}", **logins}
    return found


def _filled(name: str, catalogue: Mapping[str, Any], settings: Settings, texts: Mapping[str, Any]) -> dict[str, str]:
    """`texts` with the placeholders of the service `name` filled in. Raises ServiceError."""
    entry = catalogue[name]
    own = account(name, entry, settings.stores.get("postgres", {}).get("database", "")) if has_account(entry) else {}
    places: dict[str, Any] = {key: own[key] for key in ("database", "schema") if key in own}
    values = {
        "log_level": settings.log_level,
        **_values("setting", settings.own),
        **_values("self", _address(name, entry) | {"name": name} | places),
    }
    for other, declared in catalogue.items():
        if declared["kind"] == "service":
            values |= _values(other, _address(other, declared))
    for store, known in settings.stores.items():
        values |= _values(store, known)
    if own and "postgres" in settings.stores:
        # A service's own login; no service gets the administrator's.
        values |= _values("postgres", {"user": own["role"], "password": settings.secret(own["secret"]), **places})

    def value_of(placeholder: str) -> str:
        if placeholder.startswith("secret."):
            return settings.secret(placeholder.removeprefix("secret."))
        if placeholder not in values:
            raise ServiceError(f"services.{name}: {{{placeholder}}} has no value.")
        return str(values[placeholder])

    return {key: placeholders.fill(str(text), value_of) for key, text in texts.items()}


def _values(owner: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{owner}.{key}": value for key, value in values.items()}


def _address(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    address: dict[str, Any] = {"host": name}
    if ports := entry.get("ports"):
        address["port"] = main_port(ports)
    if "grpc" in entry:
        address["grpc"] = entry["grpc"]
    return address
