"""A web tool whose image is broken spoils no run.

It comes first: a later test stops the registry.
"""

import json

import pytest
import standins

TAGS = ("clickhouse-ui", "redis")


@pytest.fixture
def broken(lab, served):
    """The registry serves an image under CH-UI's name whose program does not exist."""
    served.serve("clickhouse-ui", standins.base())
    yield
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


@pytest.mark.usefixtures("broken")
def test_a_tool_that_cannot_start_is_reported_and_the_rest_converges(lab):
    run = lab.playbook("dev", "--tags", ",".join(TAGS), status=None, CLOUDLAB_PROFILE="tools")
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
