"""A changed specification: what is changed in place, what recreates the container, and what happens to its data."""

from __future__ import annotations

import pytest
from container_lab import NETWORK, OTHER_NETWORK, SECRET, actions, reasons


@pytest.mark.parametrize(
    ("change", "expected", "named"),
    [
        ({"memory": "40m"}, "update", "memory: 32 MiB instead of 40 MiB"),
        ({"restart_policy": "always"}, "update", "restart_policy"),
        ({"networks": [NETWORK, OTHER_NETWORK]}, "connect", OTHER_NETWORK),
        ({"needs": ["nothing"]}, None, ""),
        ({"memory": None, "memory_swap": None}, "recreate", "memory: 32 MiB instead of no limit"),
        ({"env": {"DB_PASSWORD": SECRET}}, "recreate", "env: LEVEL is not in the specification"),
        (
            {"env": {"LEVEL": "debug", "DB_PASSWORD": "another-secret"}},
            "recreate",
            "env: DB_PASSWORD has another value",
        ),
        ({"published_ports": []}, "recreate", "published_ports: 127.0.0.1"),
        ({"files": [{"content": "threads 8\n", "target": "/etc/app.conf"}]}, "recreate", "file /etc/app.conf"),
        ({"networks": [OTHER_NETWORK]}, "recreate", "default network"),
        ({"stop_timeout": 3}, "recreate", "stop_timeout: 2 instead of 3"),
    ],
)
def test_a_changed_specification(module_lab, change, expected, named):
    """Planned only: the next two tests apply what can be fixed in place, and what cannot."""
    lab = module_lab
    lab.up(lab.full())
    report = lab.up(lab.full() | change, check=True)
    assert actions(report) == ([expected] if expected else [])
    assert named in reasons(report)
    assert SECRET not in str(report)
    assert "another-secret" not in str(report)


def test_limits_and_networks_change_while_the_container_runs(lab):
    changed = lab.full() | {"memory": "40m", "restart_policy": "always", "networks": [NETWORK, OTHER_NETWORK]}
    lab.up(lab.full())
    before = lab.started()
    assert actions(lab.up(changed)) == ["update", "connect"]
    found = lab.inspect()
    assert found["State"]["StartedAt"] == before
    assert found["HostConfig"]["Memory"] == 40 * 2**20
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert set(found["NetworkSettings"]["Networks"]) == {NETWORK, OTHER_NETWORK}
    assert lab.up(changed).actions == []


def test_an_option_removed_from_the_specification_is_removed_from_the_container(lab):
    changed = lab.full() | {
        "memory": None,
        "memory_swap": None,
        "env": {},
        "published_ports": [],
        "networks": [NETWORK],
    }
    lab.up(lab.full())
    assert actions(lab.up(changed)) == ["recreate"]
    found = lab.inspect()
    assert found["HostConfig"]["Memory"] == 0
    assert found["Config"]["Env"] == ["FROM_IMAGE=yes"]
    assert not found["HostConfig"]["PortBindings"]
    assert lab.up(changed).actions == []


def test_a_changed_file_reaches_the_container(lab):
    added = [{"src": "app.conf.j2", "target": "/etc/app.conf"}, {"content": "x", "target": "/etc/other/app.conf"}]
    lab.up(lab.spec(files=added))
    assert lab.sh("cat /etc/app.conf /etc/other/app.conf") == "rendered app.conf.j2\nx"
    assert {path.name for path in (lab.directory / "config" / "web").iterdir()} >= {
        "etc-app.conf",
        "etc-other-app.conf",
    }


def test_a_changed_mounted_file_recreates_the_container(lab, tmp_path):
    source = tmp_path / "certificate.pem"
    source.write_text("one")
    raw = lab.spec(
        mounts=[{"type": "bind", "source": str(source), "target": "/etc/certificate.pem", "read_only": True}]
    )
    lab.up(raw)
    replacement = tmp_path / "new"
    replacement.write_text("two")
    replacement.replace(source)
    assert actions(lab.up(raw)) == ["recreate"]
    assert lab.sh("cat /etc/certificate.pem") == "two"


def test_data_outlives_a_new_container(lab):
    lab.up(lab.full())
    lab.sh("echo kept > /data/row")
    assert actions(lab.up(lab.full(hostname="other"))) == ["recreate"]
    assert lab.sh("cat /data/row") == "kept\n"
