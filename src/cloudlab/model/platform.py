"""A platform: a checkout of services, whose description is checked and turned into entries of the catalogue.

Shapes: a description is what cloudlab.yml holds, `declarations.Platform` as plain data without templates.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, conditions, declarations, extension, gosource, placeholders, schema, settings
from cloudlab.model.description import DESCRIPTION, PlatformError, read, selected

ROLE = "go_service"
IMAGE = "go-runtime"
BUILDER = "builder"

DEFAULT_RESOURCES = {"full": {"memory": "192m", "cpus": 2, "pids": 256}, "lite": {"memory": "128m"}}


def chosen(environ: Mapping[str, str]) -> conditions.Effective:
    """The committed catalogue, as `complete` with the settings of `.env` or the process environment.

    What a play knows before any host. Raises as `complete`, and SettingsError for settings that cannot be read.
    """
    values = {name: option["default"] for name, option in settings.own().items()} | settings.load(environ)
    return complete(catalogue.committed()["catalogue"], values)


def complete(components: catalogue.Catalogue, values: Mapping[str, Any]) -> conditions.Effective:
    """`components` without those that the settings `values` exclude, and with the services of the selected platform.

    Raises PlatformError and CatalogueError.
    """
    found = conditions.effective(components, values)
    folder = settings.ROOT / Path(values["platform_src"]).expanduser()
    return found._replace(components=merged(found.components, folder, values["platform_catalogue"], found.excluded))


def merged(
    components: catalogue.Catalogue,
    folder: Path | str,
    description: str = "",
    excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED,
) -> dict[str, Mapping[str, Any]]:
    """`components` with the platform's services added to them.

    :param folder: the checkout.
    :param description: its description, relative to it; empty for cloudlab.yml.
    :param excluded: see cloudlab.model.conditions.Effective.

    Raises PlatformError with every problem.
    """
    root = Path(folder).expanduser().resolve()
    file = root / (description or DESCRIPTION)
    document = read(root, file)
    if found := problems(document, root, components, excluded):
        raise PlatformError([f"{file}: {text}" for text in found])
    return {**components, **{name: entry(service) for name, service in document["services"].items()}}


def entry(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service of a description as an entry of the catalogue, with every default filled in."""
    complete = schema.complete(service, declarations.Service)
    return {
        **complete,
        "role": ROLE,
        "kind": "service",
        "image": IMAGE,
        "needs": [BUILDER, *complete["needs"]],
        "resources": {**DEFAULT_RESOURCES, **complete["resources"]},
        "go": {"working_dir": complete["go"]["module"], **complete["go"]},
    }


def setting_names(values: Mapping[str, Any]) -> list[str]:
    """The settings that the platform declares for its services: `{setting.<name>}`. Raises PlatformError."""
    return list(selected(values).get("settings", {}))


def seed(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The seeding of the platform that the settings `values` select: an entry as of a service, with its `sizes`.

    None for a platform without one. Raises PlatformError.
    """
    declared = selected(values).get("seed")
    return entry(_program(declared)) | {"sizes": declared["sizes"]} if declared else None


def _program(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A declared seeding as a service."""
    return {"summary": "Sample data", **{key: declared[key] for key in ("go", "env") if key in declared}}


def problems(
    document: Mapping[str, Any], root: Path, components: catalogue.Catalogue, excluded: catalogue.Exclusions
) -> list[str]:
    """What a valid description conflicts with, or refers to in vain; a message each, without the file's name."""
    services = document["services"]
    everybody = {**components, **services}
    found = [
        f"services: the host port {port} is used by {' and '.join(users)}. Give each service a port of its own."
        for port, users in catalogue.shared_ports(services, "host").items()
    ]
    found += list(extension.problems(document, settings.reserved_names()))
    for name, service in services.items():
        if name in components or name in excluded or name in catalogue.ANSIBLE_TAGS:
            found.append(
                f"services.{name}: the name {name} belongs to a component of the environment. Choose another one."
            )
        else:
            found += [f"services.{name}.{text}" for text in _references(name, service, root, everybody, excluded)]
    if "seed" in document:
        program = _program(document["seed"])
        found += [f"seed.{text}" for text in _references("seed", program, root, everybody, excluded)]
    return found


def _references(
    name: str,
    service: Mapping[str, Any],
    root: Path,
    everybody: catalogue.Catalogue,
    excluded: catalogue.Exclusions,
) -> Iterator[str]:
    """What a service names that does not exist."""
    needs = service.get("needs", [])
    if name in needs:
        yield f"needs: {name} cannot need itself."
    yield from (f"needs: {text}" for text in catalogue.missing(needs, everybody, excluded, "`needs`"))
    for key in ("env", "access"):
        for variable, value in service.get(key, {}).items():
            for text in placeholders.problems(str(value), name, service, everybody, excluded):
                yield f"{key}.{variable}: {text}"
    yield from (f"go.{text}" for text in gosource.problems(service["go"], root))
