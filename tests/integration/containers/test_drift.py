"""Changes by hand are repaired, each with the smallest step."""

from __future__ import annotations

import subprocess

import pytest
from container_lab import NETWORK, OTHER_NETWORK, PREFIX, SECRET, actions, edited_file, reasons
from lab import pause as pause_container


def pause(lab):
    pause_container(lab.client, f"{PREFIX}-web")


def kill(lab):
    lab.client.kill(f"{PREFIX}-web")


def stop(lab):
    lab.client.stop(f"{PREFIX}-web", timeout=1)


def more_memory(lab):
    lab.client.update_container(f"{PREFIX}-web", mem_limit="48m", memswap_limit="96m")


def other_restart_policy(lab):
    lab.client.update_container(f"{PREFIX}-web", restart_policy={"Name": "no"})


def fewer_processes(lab):
    subprocess.run(["docker", "update", "--pids-limit", "9", f"{PREFIX}-web"], check=True, capture_output=True)


def pinned_cpu(lab):
    lab.client.update_container(f"{PREFIX}-web", cpuset_cpus="0")


def extra_network(lab):
    lab.client.connect_container_to_network(f"{PREFIX}-web", OTHER_NETWORK)


def no_network(lab):
    lab.client.disconnect_container_from_network(f"{PREFIX}-web", NETWORK)


def other_alias(lab):
    no_network(lab)
    lab.client.connect_container_to_network(f"{PREFIX}-web", NETWORK, aliases=["impostor"])


def renewed_network(lab):
    lab.renew_network()


def renewed_network_while_stopped(lab):
    stop(lab)
    lab.renew_network()


def extra_network_gone_while_stopped(lab):
    lab.client.create_network(f"{PREFIX}-gone")
    lab.client.connect_container_to_network(f"{PREFIX}-web", f"{PREFIX}-gone")
    stop(lab)
    lab.client.remove_network(f"{PREFIX}-gone")


def rebuilt_image(lab):
    lab.build("two")


def deleted_file(lab):
    (lab.directory / "config" / "web" / "app.conf").unlink()


def folder_instead_of_file(lab):
    deleted_file(lab)
    (lab.directory / "config" / "web" / "app.conf").mkdir()
    kill(lab)


def renamed(lab):
    lab.client.rename(f"{PREFIX}-web", f"{PREFIX}-web-aside")


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (pause, ["unpause"]),
        (kill, ["start"]),
        (stop, ["start"]),
        (more_memory, ["update"]),
        (other_restart_policy, ["update"]),
        (fewer_processes, ["update"]),
        (pinned_cpu, ["recreate"]),
        (extra_network, ["connect"]),
        (no_network, ["connect"]),
        (other_alias, ["connect"]),
        (renewed_network, ["connect"]),
        (renewed_network_while_stopped, ["connect", "start"]),
        (extra_network_gone_while_stopped, ["connect", "start"]),
        (rebuilt_image, ["recreate"]),
        (edited_file, ["restart"]),
        (deleted_file, ["restart"]),
        (folder_instead_of_file, ["start"]),
        (renamed, ["remove", "create"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_drift_is_fixed_once(module_lab, alter, expected):
    """The container is reused by all cases, to save time."""
    lab = module_lab
    lab.build("one")
    lab.up(lab.full(), state="healthy")
    alter(lab)
    foreseen = lab.up(lab.full(), state="healthy", check=True)
    fixed = lab.up(lab.full(), state="healthy")
    again = lab.up(lab.full(), state="healthy")
    assert actions(fixed) == expected, fixed.actions
    assert foreseen.actions == fixed.actions
    assert again.actions == []
    assert lab.names() == {f"{PREFIX}-web"}
    assert lab.page() == ("two" if alter is rebuilt_image else "one")
    assert lab.sh("cat /etc/app.conf") == "threads 4\n"
    networks = lab.inspect()["NetworkSettings"]["Networks"]
    assert {name: item["NetworkID"] for name, item in networks.items()} == {
        NETWORK: lab.client.inspect_network(NETWORK)["Id"]
    }
    assert "web" in networks[NETWORK]["Aliases"]


def add_variable(body):
    body["Env"].append("EXTRA=1")


def drop_variable(body):
    body["Env"] = body["Env"][1:]


def add_capability(body):
    body["HostConfig"]["CapAdd"] = ["NET_RAW"]


def add_mount(body):
    body["HostConfig"]["Mounts"].append({"Type": "volume", "Source": f"{PREFIX}-extra", "Target": "/extra"})


def add_bind(body):
    body["HostConfig"]["Binds"] = ["/etc/hostname:/extra:ro"]


def add_anonymous_volume(body):
    body["Volumes"] = {"/www": {}}


def add_port(body):
    body["ExposedPorts"]["9090/tcp"] = {}
    body["HostConfig"]["PortBindings"]["9090/tcp"] = [{"HostIp": "127.0.0.1", "HostPort": ""}]


def make_writable(body):
    body["HostConfig"]["ReadonlyRootfs"] = False


def change_user(body):
    body["User"] = "1000"


def drop_health(body):
    body["Healthcheck"] = {"Test": ["NONE"]}


def drop_hash(body):
    del body["Labels"]["cloudlab.spec"]


def alter_hash(body):
    body["Labels"]["cloudlab.spec"] = "0"


def add_label(body):
    body["Labels"]["extra"] = "1"


def other_component(body):
    body["Labels"]["cloudlab.component"] = "other"


def share_processes(body):
    body["HostConfig"]["PidMode"] = "host"


@pytest.mark.parametrize(
    ("alter", "named"),
    [
        (add_variable, "env: EXTRA is not in the specification"),
        (drop_variable, "env: DB_PASSWORD is missing"),
        (add_capability, "cap_add: NET_RAW is not in the specification"),
        (add_mount, "mounts: /extra is not in the specification"),
        (add_bind, "mounts: /extra is not in the specification"),
        (add_anonymous_volume, "mounts: /www is not in the specification"),
        (add_port, "published_ports: 127.0.0.1::9090/tcp is not in the specification"),
        (make_writable, "read_only: False instead of True"),
        (change_user, "user: 1000 instead of none"),
        (drop_health, "healthcheck: differs"),
        (drop_hash, "labels: cloudlab.spec is missing"),
        (alter_hash, "the specification has changed"),
        (add_label, "labels: extra is not in the specification"),
        (other_component, "labels: cloudlab.component has another value"),
        (share_processes, "other settings: PidMode"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_container_that_was_recreated_with_changes_is_recreated(module_lab, alter, named):
    """The container is reused by all cases, to save time."""
    lab = module_lab
    lab.build("one")
    lab.recreate(lab.full(), alter)
    planned = lab.up(lab.full(), check=True)
    assert named in reasons(planned)
    assert actions(planned) == ["recreate"]
    assert SECRET not in str(planned)


def label_as_docker_desktop(body):
    body["Labels"] |= {
        "desktop.docker.io/binds/1/Source": body["HostConfig"]["Mounts"][1]["Source"],
        "desktop.docker.io/binds/1/SourceKind": "hostFile",
        "desktop.docker.io/binds/1/Target": body["HostConfig"]["Mounts"][1]["Target"],
        "desktop.docker.io/ports.scheme": "v2",
        "desktop.docker.io/ports/8080/tcp": "127.0.0.1:8080",
        "desktop.docker.io/wsl-distro": "Ubuntu",
    }


def test_a_container_with_labels_of_docker_desktop_is_not_changed(lab):
    """It adds them to every container that it creates: see cloudlab.containers.rewrites."""
    lab.recreate(lab.full(), label_as_docker_desktop)
    assert actions(lab.up(lab.full(), state="healthy")) == ["start"]
    before = lab.inspect()
    assert before["Config"]["Labels"]["desktop.docker.io/ports.scheme"] == "v2"
    second = lab.up(lab.full(), state="healthy")
    after = lab.inspect()
    assert (second.actions, second.diff, second.changed) == ([], [], False)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])


def test_labels_of_docker_desktop_hide_no_other_label(lab):
    def alter(body):
        label_as_docker_desktop(body)
        add_label(body)

    lab.recreate(lab.full(), alter)
    report = lab.up(lab.full())
    assert (actions(report), reasons(report)) == (["recreate"], "labels: extra is not in the specification")
    assert lab.up(lab.full()).actions == []
