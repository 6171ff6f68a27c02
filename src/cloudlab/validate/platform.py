"""The objects that services create in the stores themselves, according to `stores.yml` in the platform's checkout.

The file documents its keys. Without it, only the declarations in the catalogue are checked.

Shapes: ``found`` is {store: the contents that its checks found}. ``entries`` are the catalogue's entries;
``containers`` maps a component to its container's name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, schema
from cloudlab.model.checks import FAILED, NOTE, OK, Check, verdict
from cloudlab.model.declarations import Stores
from cloudlab.model.problems import ProblemsError
from cloudlab.services.accounts import account, has_account

FILE = "stores.yml"
VERSION = re.compile(r"(\d+)_.*\.(?:sql|go)")


class ExpectationError(ProblemsError):
    """stores.yml is invalid; `problems` holds one message each."""


@dataclass(frozen=True)
class Expected:
    """The content of stores.yml. ``migrations``: service -> {version table: the newest version in the checkout}."""

    migrations: Mapping[str, Mapping[str, int]]
    indices: Mapping[str, list[str]]
    tables: Mapping[str, list[str]]
    seeded: Mapping[str, Mapping[str, str]]


def read(
    platform: Path, entries: catalogue.Catalogue, excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED
) -> Expected:
    """The expectations of the platform in the directory. Raises ExpectationError with all problems.

    :param excluded: see cloudlab.model.conditions.Effective.
    """
    file = platform / FILE
    stores = _stores(file, entries, excluded)
    folders = stores.migrations
    versions = {name: {table: newest(platform / path) for table, path in of.items()} for name, of in folders.items()}
    if missing := [
        f"{file}: migrations.{name}.{table}: no migrations in {platform / folders[name][table]}."
        for name, of in versions.items()
        for table, version in of.items()
        if not version
    ]:
        raise ExpectationError(missing)
    return Expected(versions, stores.indices, stores.tables, stores.seeded)


def indices(
    platform: Path, entries: catalogue.Catalogue, excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED
) -> list[str]:
    """The Elasticsearch indices that the services of the platform create. Raises as `read`."""
    return [index for of in _stores(platform / FILE, entries, excluded).indices.values() for index in of]


def _stores(file: Path, entries: catalogue.Catalogue, excluded: catalogue.Exclusions) -> Stores:
    """The validated content of the file; empty if there is none."""
    if not file.exists():
        return Stores()
    stores = Stores(**schema.read(file, Stores, ExpectationError))
    services = [name for name, entry in entries.items() if entry["kind"] == "service"]
    # The stores whose rows can be counted.
    holders = [name for name, entry in entries.items() if "rows_in" in entry]
    left_out = {name: reason for name, reason in excluded.items() if "rows_in" in reason["entry"]}
    problems = [
        f"{file}: {key}: {text}"
        for key, valid, what in (
            ("migrations", services, "service"),
            ("indices", services, "service"),
            ("tables", services, "service"),
            ("seeded", holders, "store"),
        )
        for text in catalogue.missing(getattr(stores, key), valid, left_out, f"`{key}`", what)
    ]
    if problems:
        raise ExpectationError(problems)
    return stores


def newest(folder: Path) -> int:
    """The highest version of the migrations in a directory; 0 if there are none."""
    return max((int(match[1]) for file in folder.glob("*") if (match := VERSION.fullmatch(file.name))), default=0)


def checks(
    expected: Expected,
    found: Mapping[str, Mapping[str, Any]],
    entries: catalogue.Catalogue,
    containers: Mapping[str, str],
    database: str,
) -> list[Check]:
    """The checks of objects that services create. Stores that were not checked are left out."""
    result: list[Check] = []
    if "postgres" in found:
        for name, entry in entries.items():
            if has_account(entry):
                own = account(name, entry, database)
                place = own.get("schema") or own["database"]
                result += _versions(name, place, expected.migrations.get(name), found["postgres"], containers)
    for store, declared in ("elasticsearch", expected.indices), ("clickhouse", expected.tables):
        for name, objects in declared.items() if store in found else ():
            for each in objects if name in entries else ():
                rows = found[store]["rows"]
                fault = "" if each in rows else "absent"
                subject, text = f"{entries[store]['rows_in']} {each}", f"created by {name}, {rows.get(each)} rows"
                result.append(verdict(store, subject, fault, _restart(name, containers), text))
    return result


def _versions(
    name: str, place: str, expected: Mapping[str, int] | None, found: Mapping[str, Any], containers: Mapping[str, str]
) -> Iterable[Check]:
    """Whether the service's migrations were applied."""
    has = found["versions"].get(place, {})
    if expected is None:
        tables = [table for table in found["rows"] if table.startswith(f"{place}.")]
        text = ", ".join(f"{table} at {version}" for table, version in has.items()) or f"{len(tables)} tables"
        yield Check("postgres", f"migrations of {name}", OK if has else NOTE, text)
        return
    for table, version in expected.items():
        subject = f"migrations of {name}, {place}.{table}"
        fault = "the version table is missing" if table not in has else ""
        if not fault and has[table] < version:
            fault = f"at version {has[table]}, but the checkout is at {version}"
        text = f"at version {has.get(table)}"
        if has.get(table, 0) > version:
            text += f"; the checkout is at {version}, which is older than the data"
        yield verdict("postgres", subject, fault, _restart(name, containers), text)


def seeded(
    expected: Expected,
    found: Mapping[str, Mapping[str, Any]],
    entries: catalogue.Catalogue,
    size: str,
    counts: Mapping[str, int],
) -> list[Check]:
    """The row counts of seeded tables; with a `size` and its `counts`, whether they suffice."""
    result = []
    for store, places in expected.seeded.items():
        for place, kind in places.items() if store in found else ():
            rows = found[store]["rows"].get(place)
            subject = f"rows of {entries[store]['rows_in']} {place}"
            if not size:
                result.append(Check(store, subject, NOTE, "absent" if rows is None else str(rows)))
            elif kind not in counts:
                result.append(Check(store, subject, FAILED, f"{FILE} expects {kind}, which the seed does not create"))
            else:
                fault = "" if (rows or 0) >= counts[kind] else f"{rows or 0} rows instead of {counts[kind]}"
                cure = f"ansible-playbook playbooks/seed.yml -e size={size}"
                result.append(verdict(store, subject, fault, cure, str(rows)))
    return result


def _restart(name: str, containers: Mapping[str, str]) -> str:
    container = containers.get(name, name)
    return f"docker restart {container}, because the service creates it at startup; see docker logs {container}"
