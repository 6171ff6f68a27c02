"""Every store of the catalogue has its sub-package with the whole interface, and modules are imported on use."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloudlab import stores
from cloudlab.model import catalogue
from cloudlab.stores import base, diagnosis, registry

ENTRIES = {name: entry for name, entry in catalogue.committed()["catalogue"].items() if entry["kind"] == "store"}
# Stores without a sub-package, and parts that a store does without; with the reason.
NO_PACKAGE = {"zookeeper": "only Kafka asks it, and nothing is declared of what it holds"}
WITHOUT = {("redis", part): "services make its keys themselves" for part in ("declare", "plan")}
INTERFACE = [name for name in [*vars(base.Store), *base.Store.__annotations__] if not name.startswith("_")]
CLIENTS = {"confluent_kafka", "psycopg", "redis", "requests", "docker"}


def test_the_registry_knows_where_each_part_is():
    assert registry.MODULES.keys() == set(INTERFACE)


def test_every_store_has_a_package_or_a_reason():
    assert ENTRIES.keys() - set(registry.names()) == NO_PACKAGE.keys()
    assert set(registry.names()) <= catalogue.committed()["catalogue"].keys()


@pytest.mark.parametrize("part", sorted(registry.MODULES.keys() - {"FAULTS"}))
@pytest.mark.parametrize("name", registry.names())
def test_a_package_has_the_whole_interface(name, part):
    if (name, part) in WITHOUT:
        with pytest.raises(ModuleNotFoundError):
            getattr(registry.find(name), part)
    else:
        assert callable(getattr(registry.find(name), part))


def test_a_part_that_is_no_part():
    with pytest.raises(AttributeError, match=r"cloudlab.stores.redis has no anything"):
        _ = registry.find("redis").anything


def test_faults_of_a_store_are_in_its_package():
    assert "ZooKeeper" in diagnosis.explain(["Invalid cluster.id in: meta.properties"])
    assert "not formatted again" in diagnosis.explain(["No readable meta.properties files found."])
    messages = {fault.message for fault in registry.faults()}
    assert messages
    assert not messages & {fault.message for fault in diagnosis.COMMON}


@pytest.mark.parametrize(
    "use",
    [
        "registry.names()",
        "list(registry.faults())",
        "registry.find('kafka').one_shot",
    ],
)
def test_no_client_is_imported_before_it_is_used(use):
    program = (
        f"import sys\nfrom cloudlab.stores import registry\n{use}\nprint(*(name.split('.')[0] for name in sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "cloudlab" in output.split()
    assert CLIENTS & set(output.split()) == set()


def test_no_module_is_too_long_to_read():
    [folder] = stores.__path__
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in Path(folder).rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > 350} == {}


def test_every_placeholder_of_a_component_has_a_value():
    values = {name: list(given) for name, given in catalogue.committed("wiring")["go_service_stores"].items()}
    entries = catalogue.committed()["catalogue"]
    assert values == {name: entry["values"] for name, entry in entries.items() if "values" in entry}
