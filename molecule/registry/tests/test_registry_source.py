"""The registry is where images come from, and it is asked only for what is missing."""

import json

import docker
import probes
import pytest
import registry
import requests
from lab import Lab

from cloudlab.images import references

SECONDS = 30


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


def test_the_images_leave_no_anonymous_volume(converged):
    """Where an image declares a volume and nothing is mounted, the engine makes one that nobody removes."""
    mounts = [(name, mount) for name, item in converged.containers().items() for mount in item["Mounts"]]
    volumes = {name: mount["Name"] for name, mount in mounts if mount["Type"] == "volume"}
    assert {name: volume for name, volume in volumes.items() if not volume.startswith(converged.instance)} == {}
    assert volumes


def test_the_second_run_changes_nothing(converged, upstream):
    before = converged.identities()
    assert converged.converge(*upstream).changed == 0
    assert converged.identities() == before


def described(lab):
    """The rows of the last run's table."""
    return json.loads((lab.directory / "environment.json").read_text(encoding="utf-8"))["components"]


def page(lab, tool):
    return f"http://127.0.0.1:{lab.port(tool, 'http')}"


def test_ch_ui_lets_in_whom_clickhouse_lets_in(converged):
    account = {"username": converged.values["clickhouse_user"], "password": converged.values["clickhouse_password"]}
    login = f"{page(converged, 'clickhouse-ui')}/api/auth/login"
    assert requests.post(login, json=account, timeout=SECONDS).status_code == 200
    assert requests.post(login, json=account | {"password": "wrong"}, timeout=SECONDS).status_code == 401


def test_kafka_ui_shows_a_topic_of_the_cluster(converged):
    probes.Kafka().write(converged)
    api = f"{page(converged, 'kafka-ui')}/api/clusters"
    name = converged.instance
    assert requests.get(api, timeout=SECONDS).json() == [{"name": name, "status": "online"}]
    found = requests.get(f"{api}/{name}/topics", timeout=SECONDS).json()["topics"]
    assert probes.Kafka.topic in {topic["name"] for topic in found}


def test_kibana_is_connected_and_has_the_data_views(converged):
    address = page(converged, "kibana")
    status = requests.get(f"{address}/api/status", timeout=SECONDS).json()
    assert status["status"]["overall"]["level"] == "available"
    view = requests.get(f"{address}/api/data_views/data_view/all", timeout=SECONDS).json()["data_view"]
    assert (view["title"], view["name"]) == ("*", "All indices")


def test_portainer_shows_the_containers_to_its_administrator(converged):
    address = page(converged, "portainer")
    [row] = [row for row in described(converged) if row["component"] == "portainer"]
    account = {"Username": row["user"], "Password": row["password"]}
    answer = requests.post(f"{address}/api/auth", json=account, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    token = {"Authorization": f"Bearer {answer.json()['jwt']}"}
    listed = requests.get(f"{address}/api/endpoints/1/docker/containers/json", headers=token, timeout=SECONDS).json()
    assert f"/{converged.container('portainer')}" in {name for item in listed for name in item["Names"]}
    wrong = requests.post(f"{address}/api/auth", json=account | {"Password": "wrong"}, timeout=SECONDS)
    assert wrong.status_code == 422


def test_what_is_removed_or_altered_is_repaired(converged, upstream):
    before = converged.identities()
    for name in ("redis", "pgadmin", "otel-collector"):
        converged.client.remove_container(converged.container(name), force=True)
    converged.client.pause(converged.container("victorialogs"))
    converged.converge(*upstream)
    assert {name for name, item in converged.identities().items() if item != before[name]} == {
        "redis",
        "pgadmin",
        "otel-collector",
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
