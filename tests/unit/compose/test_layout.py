"""The text of a Compose file: its content, shared parts and headings."""

import pytest
import yaml

from cloudlab.compose import document, layout
from cloudlab.compose.service import Octal


def service(name, **options):
    base = {"cap_drop": ["ALL"], "restart": "unless-stopped", "image": f"{name}:1", "container_name": f"lab-{name}"}
    return base | {"labels": {"instance": "lab", "component": name}} | options


DOCUMENT = {
    "name": "lab",
    "include": ["more.yml"],
    "services": {
        "db": service("db", read_only=True),
        "db-init": service("db-init", restart="no", cpus="1"),
        "cache": service("cache", healthcheck={"test": ["CMD", "true"], "interval": "1s"}),
        **{
            name: service(name, environment={"KAFKA": "kafka:1", "NAME": name}, user="1:1", cpus="2")
            for name in ("auth", "order", "user")
        },
    },
    "configs": {"db-conf": {"content": "a\n  b\n"}},
    "networks": {"back": {"name": "lab-back", "labels": {"instance": "lab"}}},
    "volumes": {"db-data": {"labels": {"instance": "lab", "component": "db"}}},
}
GROUPS = dict.fromkeys(("auth", "order", "user"), "service") | {
    "db": "store",
    "cache": "store",
    "db-init": "one-shot",
}


def written(groups=GROUPS, header="", **sections):
    return layout.text(DOCUMENT | {"groups": groups} | sections, header)


def shared(text):
    return {key: value for key, value in yaml.safe_load(text).items() if key.startswith("x-")}


def test_the_text_equals_the_document():
    read = yaml.safe_load(written())
    assert {key: value for key, value in read.items() if not key.startswith("x-")} == DOCUMENT


def test_the_header_is_a_comment():
    assert written(header="One line\n\nand another.").startswith("# One line\n#\n# and another.\n\nname: lab\n")


def test_common_values_are_written_once():
    """A value that most services have is the default of the others, unless one has none."""
    text = written()
    assert shared(text)["x-common"] == {"cap_drop": ["ALL"], "restart": "unless-stopped"}
    assert text.count("cap_drop") == 1
    assert text.count("restart:") == 2
    assert "    restart: 'no'\n" in text


def test_services_of_the_platform_share_more_values():
    assert shared(written())["x-service"] == {
        "cap_drop": ["ALL"],
        "restart": "unless-stopped",
        "user": "1:1",
        "cpus": "2",
    }
    assert "    environment: {<<: *service-environment, NAME: auth}\n" in written()


def test_networks_and_volumes_have_the_labels_of_the_services():
    assert "  back: {name: lab-back, labels: *labels}\n" in written()
    assert "  db-data: {labels: {<<: *labels, component: db}}\n" in written()


def test_two_services_share_nothing():
    few = {name: DOCUMENT["services"][name] for name in ("auth", "order")}
    assert shared(written(services=few)) == {}


def test_values_with_compose_tags_are_not_shared():
    """Compose does not apply tags through anchors."""
    tagged = {name: {"build": document.Reset(), "tmpfs": document.Override(["/a"])} for name in GROUPS}
    text = written(services=tagged)
    assert text.count("!reset null") == text.count("!override [/a]") == len(GROUPS)


def test_each_group_has_one_heading_and_a_one_shot_stays_with_its_store():
    lines = written().splitlines()
    start = lines.index("services:")
    headings = [line for line in lines[start:] if line.startswith("  # ")]
    assert [line.partition(":")[0] for line in headings] == ["  # Stores", "  # Services of the platform"]
    assert lines[start : start + 4] == ["services:", headings[0], "", "  db:"]


@pytest.mark.parametrize("names", [("zookeeper", "kafka"), ("kafka",)])
def test_the_heading_of_messaging_names_zookeeper_only_where_it_is(names):
    text = written(dict.fromkeys(names, "messaging"), services={name: service(name) for name in names})
    [heading] = [line for line in text.splitlines() if line.startswith("  # Messaging")]
    assert ("ZooKeeper" in heading) == ("zookeeper" in names)


def test_a_text_keeps_its_lines_and_only_a_long_one_is_folded():
    long = " ".join(["${WORD:-word}"] * 20)
    spaced = "two  spaces " * 20
    text = written(services={"db": service("db", labels={"long": long, "spaced": spaced})})
    assert "content: |\n      a\n        b\n" in text
    assert "long: >-\n" in text
    folded = [line for line in text.splitlines() if "${WORD" in line]
    assert len(folded) > 1
    assert max(map(len, folded)) <= layout.WIDTH + len("        ${WORD:-word}")
    assert f"spaced: '{spaced}'\n" in text
    assert yaml.safe_load(text)["services"]["db"]["labels"] == {"long": long, "spaced": spaced}


def test_short_values_are_on_one_line():
    text = written()
    assert "labels: {<<: *labels, component: db}\n" in text
    assert "    healthcheck:\n      test: [CMD, 'true']\n      interval: 1s\n" in text


def test_a_file_mode_is_octal():
    mounted = service("db", configs=[{"source": "db-conf", "target": "/x", "mode": Octal(0o555)}])
    assert "{source: db-conf, target: /x, mode: 0555}\n" in written(services={"db": mounted})
