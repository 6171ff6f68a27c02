"""A second run changes nothing, and a container has all declared options."""

from __future__ import annotations

from container_lab import INSTANCE, PREFIX, actions


def test_a_second_run_changes_nothing(lab):
    first = lab.up(lab.full(), state="healthy")
    before = lab.inspect()
    second = lab.up(lab.full(), state="healthy")
    after = lab.inspect()
    assert actions(first) == ["create"]
    assert (second.actions, second.diff, second.changed) == ([], [], False)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert lab.page() == "one"


def test_the_container_has_all_declared_options(lab):
    lab.up(lab.full(), state="healthy")
    assert lab.sh("cat /etc/app.conf") == "threads 4\n"
    assert lab.sh("touch /tmp/x && echo ok; touch /x 2>&1").startswith("ok\ntouch: /x: Read-only")
    mounted = next(line for line in lab.sh("cat /proc/mounts").splitlines() if line.split()[1] == "/tmp")
    assert "noexec" not in mounted
    assert "size=1024k" in mounted
    # Some versions of runc raise the soft limit of what `exec` starts to the hard one (opencontainers/runc#4195).
    assert lab.sh("ulimit -Hn").strip() == "2048"
    assert lab.inspect()["HostConfig"]["Ulimits"] == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
    assert oct((lab.directory / "config" / "web" / "app.conf").stat().st_mode)[-3:] == "444"
    volume = lab.client.inspect_volume(f"{PREFIX}-data")
    assert volume["Labels"] == {"cloudlab.instance": INSTANCE, "cloudlab.component": "web"}
