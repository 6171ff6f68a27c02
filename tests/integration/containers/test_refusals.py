"""What is refused before anything is changed, and check mode."""

from __future__ import annotations

import pytest
from container_lab import IMAGE, PREFIX, actions

from cloudlab.containers.spec import SpecError


@pytest.mark.parametrize("labels", [{}, {"cloudlab.instance": "someone-else"}])
def test_a_container_of_our_name_that_is_not_ours_is_refused_and_nothing_is_changed(lab, labels):
    other = lab.client.create_container(f"{IMAGE}:1", ["sleep", "60"], name=f"{PREFIX}-web", labels=labels)
    with pytest.raises(SpecError, match="docker rm -f containers-test-web"):
        lab.converge(lab.spec(), lab.spec("other"))
    with pytest.raises(SpecError, match="docker rm -f containers-test-web"):
        lab.converge({"name": f"{PREFIX}-web"}, state="absent")
    assert lab.inspect()["Id"] == other["Id"]
    assert lab.names() == {f"{PREFIX}-web"}


def test_healthy_without_a_health_check_is_refused(lab):
    with pytest.raises(SpecError, match="health check"):
        lab.converge(lab.spec(), state="healthy")
    assert lab.names() == set()


def test_check_mode_changes_nothing(lab):
    lab.up(lab.spec())
    before = lab.inspect()
    added = [{"content": "new", "target": "/etc/new.conf"}]
    report = lab.up(
        lab.spec(hostname="new", files=added),
        lab.spec("second", image=f"{PREFIX}-not-built:1", networks=[f"{PREFIX}-not-made"]),
        check=True,
    )
    assert actions(report) == ["recreate", "create"]
    assert lab.inspect()["State"] == before["State"]
    assert lab.names() == {f"{PREFIX}-web"}
    assert not (lab.directory / "config" / "web" / "new.conf").exists()
    assert any("new.conf" in entry["before_header"] for entry in report.diff)
