"""Facts in several files of the project agree."""

import json
import re
import tomllib

import documents
import pytest

from cloudlab.model import catalogue, settings

ROOT = settings.ROOT


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_newest_release_is_the_projects_version():
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", read("CHANGELOG.md"), re.MULTILINE)
    assert releases[0] == tomllib.loads(read("pyproject.toml"))["project"]["version"]


def test_updates_are_proposed_for_every_image():
    [manager] = json.loads(read("renovate.json"))["customManagers"]
    [path], [pattern] = manager["managerFilePatterns"], manager["matchStrings"]
    assert re.search(path.strip("/"), "group_vars/all/catalogue.yml")
    # Groups are named as in JavaScript.
    found = re.finditer(pattern.replace("(?<", "(?P<"), read("group_vars/all/catalogue.yml"))
    assert [(match["depName"], match["currentValue"]) for match in found] == [
        (image["repository"], image["tag"]) for image in catalogue.committed()["images"].values()
    ]


def test_the_dev_container_forwards_every_port():
    ports = re.findall(r"^\| (\d+) \|", read("docs/components.md"), re.MULTILINE)
    container = json.loads(read(".devcontainer/devcontainer.json"))
    assert container["forwardPorts"] == [int(port) for port in ports]
    assert set(container["portsAttributes"]) <= set(ports)


def test_every_decision_is_in_the_index():
    records = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    rows = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (?:.+) \| (.+) \|$", read("docs/decisions/README.md"), re.MULTILINE)
    assert [name for _, name, _ in rows] == records
    for number, name, status in rows:
        assert name.startswith(f"{number}-")
        title, _, dated = read(f"docs/decisions/{name}").splitlines()[:3]
        assert title.startswith(f"# {number}: ")
        assert re.fullmatch(rf"{status.capitalize()}, \d{{4}}-\d{{2}}-\d{{2}}\.", dated)


# The walks in DEVELOPMENT.md

STOPS = [
    stop
    for walk in re.findall(r"^### A walk of .*?(?=^##)", read("DEVELOPMENT.md"), re.MULTILINE | re.DOTALL)
    for stop in re.findall(r"`([\w.-]+(?:/[\w.-]+)+)(?::(\w+))?`", walk)
]


def test_there_are_walks_of_a_component_and_of_a_setting():
    assert {"group_vars/all/catalogue.yml", "src/cloudlab/model/settings.py"} <= {path for path, _ in STOPS}


@pytest.mark.parametrize(("path", "name"), sorted(set(STOPS)))
def test_a_stop_of_a_walk_exists(path, name):
    """The name is a function or a class, or a key of a YAML file."""
    assert not name or re.search(rf"^ *(def |class )?{name}\b[:(]", read(path), re.MULTILINE)
    assert (ROOT / path).exists()


# Links

PAGES = [ROOT / name for name in documents.DOCUMENTS] + sorted(ROOT.glob("roles/*/README.md"))


def anchors(page):
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_link_targets_exist(page):
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target
