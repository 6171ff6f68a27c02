"""The registry is where images come from, and it is asked only for what is missing.

The scenario `platform` converges everything from such images.
"""

import docker
import probes
import pytest
import registry
from lab import Lab

from cloudlab.images import references


@pytest.fixture(scope="module")
def mirror(served):
    """Address of the registry; nothing of it is in the engine yet."""
    registry.remove_images(served.lab.client, f"{served.mirror}/")
    return served.mirror


@pytest.fixture(scope="module")
def converged(lab, mirror, upstream):
    """The instance, converged with images from the registry."""
    lab.converge(*upstream)
    yield lab
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


def test_every_container_runs_the_pinned_upstream_image(converged, mirror):
    values = converged.values
    for name, item in converged.containers().items():
        image = values["images"][values["catalogue"][name]["image"]]
        assert item["Config"]["Image"] == references.registry_reference(image, mirror)
        assert converged.is_healthy(name)


def test_the_second_run_changes_nothing(converged, upstream):
    before = converged.identities()
    assert converged.converge(*upstream).changed == 0
    assert converged.identities() == before


def test_what_is_removed_or_altered_is_repaired(converged, upstream):
    before = converged.identities()
    for name in ("redis", "redis-commander"):
        converged.client.remove_container(converged.container(name), force=True)
    converged.client.pause(converged.container("clickhouse"))
    converged.converge(*upstream)
    assert {name for name, item in converged.identities().items() if item != before[name]} == {
        "redis",
        "redis-commander",
    }
    assert [name for name in upstream if not converged.is_healthy(name)] == []


def test_a_changed_password_reaches_existing_data(converged, upstream):
    stores = (probes.Postgres(), probes.Redis(), probes.Clickhouse())
    for store in stores:
        store.write(converged)
    passwords = dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD", "CLICKHOUSE_PASSWORD"), "another one")
    changed = Lab(converged.environ | passwords)
    changed.converge(*upstream)
    assert [store.read(changed) for store in stores] == [store.expected for store in stores]
    converged.converge(*upstream)


def test_without_the_registry_what_is_there_is_enough(converged, served, upstream):
    served.stop()
    assert converged.converge(*upstream).changed == 0


def test_without_the_registry_what_is_missing_is_named(converged, mirror, upstream):
    converged.client.remove_container(converged.container("redis"), force=True)
    registry.remove_images(converged.client, f"{mirror}/library/redis")
    with pytest.raises(docker.errors.ImageNotFound):
        converged.client.inspect_image(f"{mirror}/library/redis:8.10.2-alpine")
    before = converged.identities()
    run = converged.playbook("dev", "--tags", ",".join(upstream), status=None)
    assert run.status != 0
    assert f"{mirror}/library/redis" in run.output
    assert "REGISTRY_MIRROR" in run.output
    assert "Traceback" not in run.output
    # The images come before everything else: nothing was touched.
    assert converged.identities() == before
