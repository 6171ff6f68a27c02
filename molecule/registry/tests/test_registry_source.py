"""The registry is where images come from, and it is asked only for what is missing.

The scenario `platform` converges everything from such a registry; here, what the tests alter.
"""

import docker
import probes
import pytest
import registry
from lab import Lab

# Three stores with data, a tool and the collector, with what they need.
TAGS = ("postgres", "redis", "clickhouse", "pgadmin", "otel-collector")


@pytest.fixture(scope="module")
def mirror(served):
    """Address of the registry; nothing of it is in the engine yet."""
    registry.remove_images(served.lab.client, f"{served.mirror}/")
    return served.mirror


@pytest.fixture(scope="module")
def converged(lab, mirror):
    """The instance, converged with images from the registry."""
    lab.converge(*TAGS)
    yield lab
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


def test_the_second_run_changes_nothing(converged):
    before = converged.identities()
    assert converged.converge(*TAGS).changed == 0
    assert converged.identities() == before


def test_what_is_removed_or_altered_is_repaired(converged):
    before = converged.identities()
    for name in ("redis", "pgadmin", "otel-collector"):
        converged.client.remove_container(converged.container(name), force=True)
    converged.client.pause(converged.container("victorialogs"))
    converged.converge(*TAGS)
    assert {name for name, item in converged.identities().items() if item != before[name]} == {
        "redis",
        "pgadmin",
        "otel-collector",
    }
    assert [name for name in converged.containers() if not converged.is_healthy(name)] == []


def test_a_changed_password_reaches_existing_data(converged):
    stores = (probes.Postgres(), probes.Redis(), probes.Clickhouse())
    for store in stores:
        store.write(converged)
    passwords = dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD", "CLICKHOUSE_PASSWORD"), "another one")
    changed = Lab(converged.environ | passwords)
    changed.converge(*TAGS)
    assert [store.read(changed) for store in stores] == [store.expected for store in stores]
    converged.converge(*TAGS)


def test_without_the_registry_what_is_there_is_enough(converged, served):
    served.stop()
    assert converged.converge(*TAGS).changed == 0


def test_without_the_registry_what_is_missing_is_named(converged, mirror):
    converged.client.remove_container(converged.container("redis"), force=True)
    registry.remove_images(converged.client, f"{mirror}/library/redis")
    with pytest.raises(docker.errors.ImageNotFound):
        converged.client.inspect_image(f"{mirror}/library/redis:8.10.2-alpine")
    before = converged.identities()
    run = converged.playbook("dev", "--tags", ",".join(TAGS), status=None)
    assert run.status != 0
    assert f"{mirror}/library/redis" in run.output
    assert "REGISTRY_MIRROR" in run.output
    assert "Traceback" not in run.output
    # The images come before everything else: nothing was touched.
    assert converged.identities() == before
