"""The web tools that come from a registry only, as a client uses them."""

import json

import requests

SECONDS = 30


def described(lab):
    """The rows of the last run's table."""
    return json.loads((lab.directory / "environment.json").read_text(encoding="utf-8"))["components"]


def page(lab, tool):
    return f"http://127.0.0.1:{lab.port(tool, 'http')}"


def test_ch_ui_lets_in_whom_clickhouse_lets_in(lab):
    account = {"username": lab.values["clickhouse_user"], "password": lab.values["clickhouse_password"]}
    login = f"{page(lab, 'clickhouse-ui')}/api/auth/login"
    assert requests.post(login, json=account, timeout=SECONDS).status_code == 200
    assert requests.post(login, json=account | {"password": "wrong"}, timeout=SECONDS).status_code == 401


def test_kafka_ui_shows_a_topic_of_the_cluster(lab):
    api = f"{page(lab, 'kafka-ui')}/api/clusters"
    name = lab.instance
    assert requests.get(api, timeout=SECONDS).json() == [{"name": name, "status": "online"}]
    found = requests.get(f"{api}/{name}/topics", timeout=SECONDS).json()["topics"]
    assert "order.events" in {topic["name"] for topic in found}


def test_kibana_is_connected_and_has_the_data_views(lab):
    address = page(lab, "kibana")
    status = requests.get(f"{address}/api/status", timeout=SECONDS).json()
    assert status["status"]["overall"]["level"] == "available"
    view = requests.get(f"{address}/api/data_views/data_view/all", timeout=SECONDS).json()["data_view"]
    assert (view["title"], view["name"]) == ("*", "All indices")


def test_portainer_shows_the_containers_to_its_administrator(lab):
    address = page(lab, "portainer")
    [row] = [row for row in described(lab) if row["component"] == "portainer"]
    account = {"Username": row["user"], "Password": row["password"]}
    answer = requests.post(f"{address}/api/auth", json=account, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    token = {"Authorization": f"Bearer {answer.json()['jwt']}"}
    listed = requests.get(f"{address}/api/endpoints/1/docker/containers/json", headers=token, timeout=SECONDS).json()
    assert f"/{lab.container('portainer')}" in {name for item in listed for name in item["Names"]}
    wrong = requests.post(f"{address}/api/auth", json=account | {"Password": "wrong"}, timeout=SECONDS)
    assert wrong.status_code == 422
