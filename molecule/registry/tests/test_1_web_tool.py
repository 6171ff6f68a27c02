"""CH-UI, which comes from a registry or not at all: it starts on a read-only root, and a broken one spoils no run.

It comes first: a later test stops the registry.
"""

import json

import pytest
import registry
import requests
import standins

TAGS = ("clickhouse-ui", "redis")
SECONDS = 30


@pytest.fixture(scope="module", autouse=True)
def instance(lab, served):
    """The instance, of which the tests converge a part."""
    yield lab
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


@pytest.fixture
def broken(lab, served):
    """The registry serves an image under CH-UI's name whose program does not exist."""
    lab.client.remove_container(lab.container("clickhouse-ui"), force=True)
    registry.remove_images(lab.client, served.name("clickhouse-ui"))
    served.serve("clickhouse-ui", standins.base())


def test_ch_ui_is_healthy_and_lets_in_who_clickhouse_lets_in(lab):
    lab.converge("clickhouse-ui")
    assert lab.is_healthy("clickhouse-ui")
    page = f"http://127.0.0.1:{lab.port('clickhouse-ui', 'http')}"
    assert "CH-UI" in requests.get(page, timeout=SECONDS).text
    account = {"username": lab.values["clickhouse_user"], "password": lab.values["clickhouse_password"]}
    assert requests.post(f"{page}/api/auth/login", json=account, timeout=SECONDS).status_code == 200
    wrong = account | {"password": "wrong"}
    assert requests.post(f"{page}/api/auth/login", json=wrong, timeout=SECONDS).status_code == 401


def test_the_second_run_changes_nothing(lab):
    before = lab.identities()
    assert lab.converge("clickhouse-ui").changed == 0
    assert lab.identities() == before


@pytest.mark.usefixtures("broken")
def test_a_tool_that_cannot_start_is_reported_and_the_rest_converges(lab):
    run = lab.playbook("dev", "--tags", ",".join(TAGS), status=None)
    assert run.status != 0
    assert "The environment is incomplete: 1 component failed." in run.output
    assert f"clickhouse-ui: {lab.container('clickhouse-ui')}: " in run.output
    # The table was shown all the same, and names it.
    assert [line.split()[1] for line in run.output.splitlines() if line.startswith("clickhouse-ui ")] == ["failed"]
    assert lab.is_healthy("redis")
    assert lab.is_healthy("clickhouse")
    described = json.loads((lab.directory / "environment.json").read_text())
    states = {row["component"]: row["state"] for row in described["components"]}
    assert states == {"clickhouse-ui": "failed", "redis": "healthy", "clickhouse": "healthy"}
