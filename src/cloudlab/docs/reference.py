"""The documents that are written from what the project declares, so that nothing is told twice.

Sources: the argument specs and defaults of the roles, the files of group_vars/all, and the catalogue with the services
of the reference platform. `playbooks/document.yml` writes what is returned here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, platform, rolespecs, settings, sizes, yamlfile
from cloudlab.model.environment import PUBLISH_ADDRESS

# In the order in which a user meets them; the subjects are files of group_vars/all.
SUBJECTS = ("instance", "platform", "ports", "credentials", "images")
SIZES = ("full", "lite")
# A default longer than this is read in its file.
_LONGEST_DEFAULT = 60

Row = tuple[str, ...]


def documents() -> dict[str, str]:
    """Path below the project's root -> content."""
    return {"docs/configuration.md": _configuration(), "docs/components.md": _components()}


def table(columns: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _page(title: str, *paragraphs: str) -> str:
    origin = "<!-- Written by `ansible-playbook playbooks/document.yml`; change what it is made of instead. -->\n"
    return "\n".join([origin + f"# {title}\n", *paragraphs])


# Settings


def _configuration() -> str:
    return _page(
        "Configuration",
        "Settings are set in `.env`, by the names below. Precedence: `-e` (the name in lower case) over the process\n"
        "environment over `.env` over the defaults in `group_vars/all/`.\n",
        *(_subject(subject) for subject in SUBJECTS),
        "## Profiles\n",
        introduction(catalogue.FOLDER / "profiles.yml"),
        table(("profile", "size", "components"), _profiles()),
        "## Variables of the roles\n",
        "For finer work: `-e name=value`, or a file of your own in `group_vars/all/`. What a role is given by\n"
        "`group_vars/all/wiring.yml` is not for users to set.\n",
        *(_role(role) for role in sorted((settings.ROOT / "roles").iterdir()) if rolespecs.options(role)),
    )


def _subject(subject: str) -> str:
    defaults = catalogue.committed(subject)
    rows = (_variable(name.upper(), settings.spec()[name], default) for name, default in defaults.items())
    path = catalogue.FOLDER / f"{subject}.yml"
    head = f"## {subject.capitalize()}\n\n{introduction(path)}\n"
    return head + table(("setting", "values", "default", "what it is"), rows)


def _variable(name: str, option: Mapping[str, Any], default: Any) -> Row:
    return f"`{name}`", _values(option), _default(default), option["description"]


def _values(option: Mapping[str, Any]) -> str:
    if choices := option.get("choices"):
        return ", ".join(f"`{choice}`" for choice in choices)
    kind = option.get("type", "str")
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) > _LONGEST_DEFAULT:
        return "*see the file*"
    return f"`{text}`" if text else ""


def introduction(path: Path) -> str:
    """The comment that a file begins with. Lines in it that two blanks indent are the items of a list."""
    lines: list[str] = []
    listing = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        name, _, meaning = line.removeprefix("#   ").partition("  ")
        item = line.startswith("#   ")
        lines += [""] * (item != listing)
        lines.append(f"- `{name}`: {meaning.strip()}" if item else line.removeprefix("#").strip())
        listing = item
    return "\n".join(lines).replace("<", "\\<") + "\n"


def _profiles() -> Iterable[Row]:
    for name, profile in catalogue.committed("profiles")["profiles"].items():
        listed = profile["components"]
        chosen = "all" if listed == "all" else ", ".join(listed)
        without = ", ".join(profile.get("without", []))
        yield f"`{name}`", profile["size"], chosen + (f" without {without}" if without else "")


def _role(role: Path) -> str:
    defaults = yamlfile.load(role / "defaults" / "main.yml")
    rows = (_variable(name, option, defaults[name]) for name, option in rolespecs.options(role).items())
    head = f"### {role.name}\n\n[Its manual](../roles/{role.name}/defaults/main.yml) has more to say.\n\n"
    return head + table(("variable", "values", "default", "what it is"), rows)


# Components


def _components() -> str:
    values = _committed()
    entries = values["catalogue"]
    chosen = {name: set(catalogue.choose(entries, values["profiles"], name, [])) for name in values["profiles"]}
    return _page(
        "Components",
        "The infrastructure of `group_vars/all/catalogue.yml` and the services of the reference platform\n"
        "(`files/platform/cloudlab.yml`), with the ports and limits that they have unless `.env` says otherwise.\n",
        "## Ports\n",
        f"On {PUBLISH_ADDRESS}, before `PORT_OFFSET` is added.\n",
        table(("port", "component", "what it is", "setting", "in the container"), _ports(entries, values)),
        "## What runs\n",
        "Memory is a limit, not what is used. An image that only a registry has is skipped if none can be reached.\n",
        table(
            (
                "component",
                "what it is",
                "kind",
                "image from",
                "needs",
                "networks",
                *(f"memory, {size}" for size in SIZES),
                "profiles",
            ),
            (_component(name, entry, chosen, values["images"]) for name, entry in entries.items()),
        ),
        "## Profiles\n",
        table(
            ("profile", "components", "memory of all limits"),
            (_profile(name, entries, names, values["profiles"]) for name, names in chosen.items()),
        ),
        "## Networks\n",
        table(
            ("network", "for", "members"),
            (_network(name, entry["summary"], entries) for name, entry in values["networks"].items()),
        ),
    )


def _committed() -> dict[str, Any]:
    """All variables as they are committed, with the services of the reference platform in the catalogue."""
    values: dict[str, Any] = {}
    for subject in (*SUBJECTS, "profiles", "catalogue"):
        values |= catalogue.committed(subject)
    return values | {"catalogue": platform.complete(values["catalogue"], values)}


def _ports(entries: catalogue.Catalogue, values: Mapping[str, Any]) -> Iterable[Row]:
    numbers = catalogue.host_ports(entries, entries, values)
    found = [(numbers[name][port["name"]], name, port) for name in entries for port in entries[name].get("ports", [])]
    for number, name, port in sorted(found, key=lambda item: item[:2]):
        yield str(number), name, port["name"], f"`{port.get('setting', '').upper()}`", str(port["container"])


def _component(
    name: str, entry: Mapping[str, Any], chosen: Mapping[str, set[str]], images: Mapping[str, Mapping[str, Any]]
) -> Row:
    return (
        name,
        entry["summary"],
        entry["kind"],
        "registry" if "context" not in images.get(entry.get("image", ""), {"context"}) else "registry or packages",
        ", ".join(entry.get("needs", [])),
        ", ".join(entry.get("networks", [])),
        *(sizes.show(_memory(entry, size)) for size in SIZES),
        ", ".join(profile for profile, names in chosen.items() if name in names),
    )


def _memory(entry: Mapping[str, Any], size: str) -> int:
    return sizes.parse(catalogue.resources(entry, size)["memory"])


def _profile(name: str, entries: catalogue.Catalogue, chosen: set[str], profiles: Mapping[str, Any]) -> Row:
    limits = (
        _memory(entries[member], profiles[name]["size"]) * entries[member].get("replicas", 1) for member in chosen
    )
    return name, str(len(chosen)), sizes.show(sum(limits))


def _network(name: str, summary: str, entries: catalogue.Catalogue) -> Row:
    return name, summary, ", ".join(member for member, entry in entries.items() if name in entry.get("networks", []))
