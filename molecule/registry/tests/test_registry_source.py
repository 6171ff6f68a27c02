"""The registry is where images come from, and it is asked only for what is missing."""

import docker
import pytest
import registry

from cloudlab.images import references


@pytest.fixture(scope="module")
def mirror(served):
    """Address of the registry; nothing of it is in the engine yet."""
    registry.remove_images(served.lab.client, f"{served.mirror}/")
    return served.mirror


@pytest.fixture(scope="module")
def converged(lab, mirror):
    """The instance, converged with images from the registry."""
    lab.converge()
    yield lab
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


def test_every_container_runs_the_pinned_upstream_image(converged, mirror):
    values = converged.values
    for name, item in converged.containers().items():
        image = values["images"][values["catalogue"][name]["image"]]
        assert item["Config"]["Image"] == references.registry_reference(image, mirror)
        assert converged.is_healthy(name)


def test_the_second_run_changes_nothing(converged):
    before = converged.identities()
    assert converged.converge().changed == 0
    assert converged.identities() == before


def test_without_the_registry_what_is_there_is_enough(converged, served):
    served.stop()
    assert converged.converge().changed == 0


def test_without_the_registry_what_is_missing_is_named(converged, mirror):
    converged.client.remove_container(converged.container("redis"), force=True)
    registry.remove_images(converged.client, f"{mirror}/library/redis")
    with pytest.raises(docker.errors.ImageNotFound):
        converged.client.inspect_image(f"{mirror}/library/redis:8.10.2-alpine")
    before = converged.identities()
    run = converged.playbook("dev", status=None)
    assert run.status != 0
    assert f"{mirror}/library/redis" in run.output
    assert "REGISTRY_MIRROR" in run.output
    assert "Traceback" not in run.output
    # The images come before everything else: nothing was touched.
    assert converged.identities() == before
