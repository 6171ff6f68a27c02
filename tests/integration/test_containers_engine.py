"""Converging containers on a real engine: idempotence, drift, refusals, failures, readiness, stops."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

import docker
import pytest
from lab import pause as pause_container

from cloudlab import engine
from cloudlab.containers import converge, declaration, files, payload
from cloudlab.containers.spec import SpecError

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
INSTANCE = "containers-test"
PREFIX = INSTANCE
IMAGE = f"{PREFIX}-busybox"
NETWORK = f"{PREFIX}-front"
OTHER_NETWORK = f"{PREFIX}-back"
SECRET = "correct-horse-battery"
APPLETS = (
    "sh",
    "sleep",
    "cat",
    "httpd",
    "wget",
    "nc",
    "true",
    "false",
    "echo",
    "test",
    "kill",
    "ps",
    "touch",
    "dd",
    "tail",
)
HEALTHY = {
    "test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
    "interval": "250ms",
    "retries": 8,
}


def busybox() -> Path:
    """A statically linked busybox of the host."""
    path = shutil.which("busybox")
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "busybox-static"], check=True, capture_output=True)
        path = shutil.which("busybox")
    if path is None or subprocess.run(["ldd", path], capture_output=True).returncode == 0:
        pytest.fail("these tests make their image of a static busybox: apt-get install busybox-static")
    return Path(path)


def image_archive(page: str) -> bytes:
    """A root file system with busybox and one page to serve."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "etc", "tmp", "www", "data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        archive.add(busybox(), "bin/busybox")
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
        entry = tarfile.TarInfo("www/index.html")
        entry.size, entry.mode = len(page), 0o644
        archive.addfile(entry, io.BytesIO(page.encode()))
    return buffer.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """The engine, a folder for the instance, and short ways to do what a user does with `docker`."""

    def __init__(self, client: docker.APIClient, directory: Path):
        self.client = client
        self.directory = directory
        self.port = free_port()

    def build(self, page: str = "one") -> None:
        """(Re)build the image under its tag."""
        self.client.import_image_from_data(
            image_archive(page), repository=IMAGE, tag="1", changes=["ENV FROM_IMAGE=yes"]
        )

    def spec(self, short: str = "web", **options):
        """A specification of a container that serves a page on port 8080."""
        return {
            "name": f"{PREFIX}-{short}",
            "component": short,
            "image": f"{IMAGE}:1",
            "command": ["httpd", "-f", "-p", "8080", "-h", "/www"],
            "env": {"LEVEL": "debug", "DB_PASSWORD": SECRET},
            "networks": [{"name": NETWORK, "aliases": [short]}],
            "memory": "32m",
            "pids_limit": 50,
            "cap_drop": ["ALL"],
            "security_opts": ["no-new-privileges:true"],
            "read_only": True,
            "init": True,
            "restart_policy": "unless-stopped",
            "stop_timeout": 2,
            "log_driver": "json-file",
            "log_options": {"max-size": "1m"},
        } | options

    def full(self, **options):
        """A specification with a port, mounts, a file, limits and a health check."""
        return self.spec(
            published_ports=[f"127.0.0.1:{self.port}:8080/tcp"],
            mounts=[
                {"type": "volume", "source": f"{PREFIX}-data", "target": "/data"},
                {
                    "type": "tmpfs",
                    "target": "/tmp",
                    "tmpfs_size": "1m",
                    "tmpfs_mode": "1777",
                    "tmpfs_options": ["exec"],
                },
            ],
            files=[{"content": "threads 4\n", "target": "/etc/app.conf"}],
            cpus="0.5",
            memory_swap="64m",
            ulimits=["nofile:1024:2048"],
            healthcheck=HEALTHY,
            etc_hosts={"gateway.test": "10.0.0.1"},
            sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
            **options,
        )

    def converge(self, *specs, work=converge.converge, **settings) -> converge.Report:
        settings = {"state": "started", "timeout": 20, "diff": True} | settings
        request = converge.Request(INSTANCE, self.directory, list(specs), **settings)
        connection = engine.connect()
        try:
            return work(connection, request, lambda src, path: f"rendered {src}\n")
        finally:
            connection.close()

    def up(self, *specs, **settings) -> converge.Report:
        report = self.converge(*specs, **settings)
        assert not report.failures, report.message
        return report

    def inspect(self, short: str = "web") -> dict:
        return self.client.inspect_container(f"{PREFIX}-{short}")

    def started(self, short: str = "web") -> str:
        return self.inspect(short)["State"]["StartedAt"]

    def names(self) -> set[str]:
        listed = self.client.containers(all=True, filters={"name": PREFIX})
        return {name.lstrip("/") for entry in listed for name in entry["Names"]}

    def sh(self, command: str, short: str = "web") -> str:
        run = self.client.exec_create(f"{PREFIX}-{short}", ["sh", "-c", command])
        return self.client.exec_start(run["Id"]).decode()

    def page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return answer.read().decode()

    def recreate(self, raw: dict, alter) -> None:
        """Remove the container and create it with the same labels and a change."""
        [parsed] = files.prepare(declaration.parse([raw], INSTANCE), self.directory, str.join, planning=True)
        for file in parsed.files:
            files.write(file)
        body = payload.create(parsed, (1, 41))
        alter(body)
        self.remove(raw["name"])
        self.client.create_container_from_config(body, raw["name"])

    def remove(self, name: str) -> None:
        with contextlib.suppress(docker.errors.NotFound):
            self.client.remove_container(name, force=True, v=True)

    def renew_network(self, name: str = NETWORK) -> None:
        """Remove a network with its endpoints, and create another one of its name."""
        for member in self.client.inspect_network(name)["Containers"]:
            self.client.disconnect_container_from_network(member, name, force=True)
        self.client.remove_network(name)
        self.client.create_network(name)

    def clean(self) -> None:
        for name in self.names():
            self.remove(name)

    def destroy(self) -> None:
        self.clean()
        for name in (NETWORK, OTHER_NETWORK):
            with contextlib.suppress(docker.errors.NotFound):
                self.client.remove_network(name)
        for volume in self.client.volumes(filters={"name": PREFIX})["Volumes"] or []:
            self.client.remove_volume(volume["Name"], force=True)
        for image in self.client.images(IMAGE):
            self.client.remove_image(image["Id"], force=True)


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory):
    lab = Lab(docker.APIClient(version="auto"), tmp_path_factory.mktemp("instance with spaces é"))
    lab.destroy()
    lab.build()
    for network in (NETWORK, OTHER_NETWORK):
        lab.client.create_network(network)
    yield lab
    lab.destroy()
    lab.client.close()


@pytest.fixture
def lab(module_lab):
    yield module_lab
    module_lab.clean()


def actions(report: converge.Report) -> list[str]:
    return [entry["action"] for entry in report.actions]


def reasons(report: converge.Report) -> str:
    return "\n".join(reason for entry in report.actions for reason in entry["reasons"])


# Nothing to do


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


# Drift: changes by hand, and their repair


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


def edited_file(lab):
    path = lab.directory / "config" / "web" / "app.conf"
    path.chmod(0o644)
    path.write_text("threads 400\n")


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


# A changed specification


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


# Interruptions


def test_leftovers_of_an_interrupted_replacement_are_removed(lab):
    lab.up(lab.full())
    [parsed] = declaration.parse([lab.spec()], INSTANCE)
    lab.client.create_container_from_config(payload.create(parsed, (1, 41)), f"{PREFIX}-web.next")
    report = lab.up(lab.full())
    assert actions(report) == ["remove"]
    assert lab.names() == {f"{PREFIX}-web"}


class Interrupted(BaseException):
    """The process is killed: nothing after this happens."""


@pytest.mark.parametrize("last", range(6), ids="before {}".format)
def test_an_interruption_at_any_point_is_completed_by_the_next_run(module_lab, monkeypatch, last):
    """`last` is how many requests that change something are still made (create, connect, stop, delete, rename)."""
    lab = module_lab
    old = lab.full()
    new = old | {"files": [{"content": "threads 8\n", "target": "/etc/app.conf"}], "networks": [NETWORK, OTHER_NETWORK]}
    lab.up(old)
    lab.sh("echo kept > /data/row")
    with monkeypatch.context() as patch:
        left = iter(range(last))
        send = docker.APIClient.send

        def send_or_die(self, request, **settings):
            if request.method != "GET" and next(left, None) is None:
                raise Interrupted
            return send(self, request, **settings)

        patch.setattr(docker.APIClient, "send", send_or_die)
        with pytest.raises(Interrupted):
            lab.converge(new)
    lab.up(new)
    assert lab.sh("cat /etc/app.conf /data/row") == "threads 8\nkept\n"
    assert set(lab.inspect()["NetworkSettings"]["Networks"]) == {NETWORK, OTHER_NETWORK}
    assert lab.names() == {f"{PREFIX}-web"}
    assert lab.up(new).actions == []


def test_a_restart_for_a_file_that_is_interrupted_is_repeated(lab, monkeypatch):
    lab.up(lab.full())
    edited_file(lab)
    with monkeypatch.context() as patch:
        patch.setattr(docker.APIClient, "start", lambda *_: (_ for _ in ()).throw(Interrupted))
        with pytest.raises(Interrupted):
            lab.converge(lab.full())
    assert actions(lab.up(lab.full())) == ["start"]
    assert lab.sh("cat /etc/app.conf") == "threads 4\n"


def test_a_container_that_was_never_started_is_started(lab):
    raw = lab.spec(networks=[NETWORK, OTHER_NETWORK])
    [parsed] = declaration.parse([raw], INSTANCE)
    lab.client.create_container_from_config(payload.create(parsed, (1, 41)), raw["name"])
    assert actions(lab.up(raw)) == ["connect", "start"]
    assert set(lab.inspect()["NetworkSettings"]["Networks"]) == {NETWORK, OTHER_NETWORK}


def test_a_refused_specification_leaves_the_old_container_running(lab):
    lab.up(lab.spec())
    before = lab.inspect()
    report = lab.converge(lab.spec(cpus=999))
    assert "cpus: the engine accepts 0.01 to" in report.message
    report = lab.converge(lab.spec(cpus=999, hostname="new"))
    assert "cpus: the engine accepts 0.01 to" in report.message
    assert lab.inspect()["Id"] == before["Id"]
    assert lab.inspect()["State"]["StartedAt"] == before["State"]["StartedAt"]
    assert lab.names() == {f"{PREFIX}-web"}


# Refusals


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


# Failures


def test_failures_are_collected_and_the_others_are_started(lab):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    with taken:
        report = lab.converge(
            lab.spec("port", published_ports=[f"{port}:8080"]),
            lab.spec("limit", ulimits=["nofile:99999999999:99999999999"]),
            lab.spec("image", image=f"{PREFIX}-not-built:1"),
            lab.spec("network", networks=[f"{PREFIX}-not-made"]),
            lab.spec("program", command=["no-such-program"], init=False),
            lab.spec("good"),
        )
    assert lab.inspect("good")["State"]["Running"]
    causes = {item.container.removeprefix(f"{PREFIX}-"): item.cause for item in report.failures}
    assert f"port {port} on 127.0.0.1 is already in use by" in causes["port"]
    assert f"(pid {os.getpid()})" in causes["port"]
    assert "the limit nofile" in causes["limit"]
    assert "Build or pull it first" in causes["image"]
    assert f"the network {PREFIX}-not-made does not exist" in causes["network"]
    assert "the program no-such-program does not exist" in causes["program"]
    assert all(cause in report.message for cause in causes.values())
    healed = lab.up(lab.spec("port", published_ports=[f"{port}:8080"]))
    assert actions(healed) == ["start"]


def test_a_crash_is_reported_early_with_its_log(lab):
    begin = time.monotonic()
    report = lab.converge(
        lab.spec(command=["sh", "-c", "echo cannot open database with $DB_PASSWORD; exit 3"], healthcheck=HEALTHY),
        state="healthy",
        timeout=60,
    )
    assert time.monotonic() - begin < 20
    assert "is in a crash loop" in report.message
    assert "exited with code 3" in report.message
    assert "| cannot open database with <hidden>" in report.message
    assert SECRET not in report.message


def test_an_end_without_restart_is_reported_at_once(lab):
    report = lab.converge(
        lab.spec(command=["sh", "-c", "exit 0"], healthcheck=HEALTHY, restart_policy="no"), state="healthy", timeout=60
    )
    assert "it exited without an error" in report.message


def test_running_out_of_memory_is_reported(lab):
    report = lab.converge(
        lab.spec(
            command=["sh", "-c", "tail /dev/zero"],
            healthcheck=HEALTHY,
            memory="8m",
            memory_swap="8m",
            restart_policy="no",
        ),
        state="healthy",
        timeout=60,
    )
    assert "it ran out of memory" in report.message


def test_unhealthy_is_reported_at_the_deadline(lab):
    begin = time.monotonic()
    failing = {"test": ["CMD-SHELL", "echo schema is missing; exit 1"], "interval": "500ms", "retries": 1}
    report = lab.converge(lab.spec(healthcheck=failing), state="healthy", timeout=3)
    assert 3 <= time.monotonic() - begin < 12
    assert "is not healthy after 3 s: its health check fails with exit code 1: schema is missing" in report.message


def test_an_unhealthy_container_is_restarted(lab):
    sick = {"test": ["CMD", "test", "!", "-e", "/tmp/sick"], "interval": "200ms", "retries": 1}
    raw = lab.spec(healthcheck=sick, mounts=[{"type": "tmpfs", "target": "/tmp"}])
    lab.up(raw, state="healthy")
    lab.sh("touch /tmp/sick")
    deadline = time.monotonic() + 10
    while lab.inspect()["State"]["Health"]["Status"] != "unhealthy" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert actions(lab.up(raw, state="healthy")) == ["restart"]


# As a task of a playbook


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    threads: 4
  tasks:
    - name: Converge
      containers:
        instance: {instance}
        directory: "{{{{ playbook_dir }}}}/state"
        state: "{{{{ want | default('healthy') }}}}"
        specs: "{{{{ lookup('file', 'specs.json') | from_json }}}}"
"""


def play(lab, folder: Path, specs: list, *arguments: str, prefix=()) -> subprocess.CompletedProcess:
    """Run the action from a playbook beside a folder of templates. prefix: the command that runs it, if any."""
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "app.conf.j2").write_text("{% include 'part.j2' %}\n\npassword {{ 'x' }}-value\n")
    (folder / "templates" / "part.j2").write_text("threads {{ threads }}")
    (folder / "play.yml").write_text(PLAYBOOK.format(instance=INSTANCE))
    (folder / "specs.json").write_text(json.dumps(specs))
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(PLUGINS.parent / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    playbook = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", folder / "play.yml", *arguments]
    command = [*prefix, *playbook]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_the_action_renders_checks_and_explains(lab, tmp_path):
    raw = lab.spec(files=[{"src": "app.conf.j2", "target": "/etc/app.conf"}], healthcheck=HEALTHY)
    planned = play(lab, tmp_path, [raw], "--check", "--diff", "-v")
    assert "changed=1" in planned.stdout, planned.stdout
    assert "+threads 4" in planned.stdout
    assert "+password <hidden>" in planned.stdout
    assert SECRET not in planned.stdout
    assert lab.names() == set()
    assert not (tmp_path / "state").exists()
    assert "changed=1" in play(lab, tmp_path, [raw]).stdout
    assert lab.sh("cat /etc/app.conf") == "threads 4\npassword x-value\n"
    again = play(lab, tmp_path, [raw], "-v")
    assert "changed=0" in again.stdout
    assert "1 containers, healthy: up to date" in again.stdout
    wrong = play(lab, tmp_path, [raw | {"memry": "1g", "cpus": "many"}])
    assert wrong.returncode != 0
    assert "unknown option 'memry'; did you mean 'memory'?" in wrong.stdout
    assert "'many' is not a number of CPUs" in wrong.stdout
    assert "Traceback" not in wrong.stdout + wrong.stderr


# Runs the rest of its command line where the engine's socket is at another path, and its folder is empty: $0 is the
# socket, $1 the other path.
ELSEWHERE = """
mount --bind "$0" "$1"
mount -t tmpfs none "$(dirname "$(readlink -f "$0")")"
export DOCKER_HOST="unix://$1"
shift
exec "$@"
"""


def test_a_path_that_only_the_engine_has_is_mounted(lab, tmp_path):
    """As with Colima, whose socket is in the user's home: /var/run/docker.sock only exists in its virtual machine."""
    address = engine.connect().address.removeprefix("unix://")
    (tmp_path / "engine.sock").touch()
    prefix = ["unshare", "--mount", "--map-root-user", "sh", "-euc", ELSEWHERE, address, tmp_path / "engine.sock"]
    mount = {"type": "bind", "source": address, "target": "/engine/docker.sock", "read_only": True}
    refused = play(lab, tmp_path, [lab.spec(mounts=[mount], healthcheck=HEALTHY)], prefix=prefix)
    assert f"the source {address} does not exist" in refused.stdout, refused.stderr
    raw = lab.spec(mounts=[mount | {"on_engine": True}], healthcheck=HEALTHY)
    first = play(lab, tmp_path, [raw], prefix=prefix)
    assert "changed=1" in first.stdout, first.stdout + first.stderr
    assert lab.sh("test -S /engine/docker.sock && echo there") == "there\n"
    assert "changed=0" in play(lab, tmp_path, [raw], prefix=prefix).stdout


def test_a_copy_follows_its_original(lab, tmp_path):
    """The container keeps the file that it was started with, so it must be recreated."""
    original = tmp_path / "ca.pem"
    raw = lab.spec(files=[{"copy": str(original), "target": "/etc/ca.pem"}])
    original.write_bytes(b"# T\xfcrktrust\r\none\n")
    lab.up(raw)
    assert lab.up(raw).actions == []
    assert lab.inspect()["Mounts"][0]["Source"] == str(lab.directory / "config" / "web" / "ca.pem")
    original.write_text("two\n")
    planned = lab.up(raw, check=True)
    report = lab.up(raw)
    assert planned.actions == report.actions
    assert (actions(report), reasons(report)) == (["recreate"], "file /etc/ca.pem has other content")
    assert lab.sh("cat /etc/ca.pem") == "two\n"
    assert any(entry["after"] == f"(a copy of {original})\n" for entry in report.diff)


# Order


def test_dependencies_come_first_and_dependents_of_a_failure_are_not_waited_for(lab):
    broken = lab.spec("broken", command=["false"], healthcheck=HEALTHY, restart_policy="no")
    report = lab.converge(
        lab.spec("last", needs=["middle"], healthcheck=HEALTHY),
        lab.spec("middle", needs=["broken", "first"], healthcheck=HEALTHY),
        lab.spec("first", healthcheck=HEALTHY),
        broken,
        state="healthy",
    )
    assert [failure.container for failure in report.failures] == [f"{PREFIX}-broken"]
    assert (
        f"{PREFIX}-middle: started without waiting for its health: it needs {PREFIX}-broken, which failed"
        in report.message
    )
    assert lab.started("first") < lab.started("middle") < lab.started("last")


def test_stop_and_absent_work_in_reverse_order_and_keep_the_data(lab):
    specs = [lab.spec("low", healthcheck=HEALTHY), lab.full(needs=["low"])]
    lab.up(*specs)
    short = [{"name": spec["name"], "component": spec["component"], "needs": spec.get("needs", [])} for spec in specs]
    pause_container(lab.client, f"{PREFIX}-low")
    stopped = lab.up(*short, state="stopped")
    assert actions(stopped) == ["stop", "stop"]
    low, high = lab.inspect("low")["State"], lab.inspect("web")["State"]
    assert high["FinishedAt"] < low["FinishedAt"]
    assert not low["Running"]
    assert lab.up(*short, state="stopped").actions == []
    assert actions(lab.up(*short, state="absent", check=True)) == ["remove", "remove"]
    assert actions(lab.up(*short, state="absent")) == ["remove", "remove"]
    assert lab.names() == set()
    assert lab.client.inspect_volume(f"{PREFIX}-data")
    assert lab.up(*short, state="absent").actions == []


def test_a_graceful_stop_gets_its_time(lab):
    slow = lab.spec(
        command=["sh", "-c", "trap 'sleep 3; echo closed; exit 0' TERM; while true; do sleep 0.1; done"],
        stop_timeout=10,
    )
    lab.up(slow)
    time.sleep(0.5)
    lab.up(slow, state="stopped")
    assert lab.inspect()["State"]["ExitCode"] == 0
    assert b"closed" in lab.client.logs(f"{PREFIX}-web")


def test_orphans_are_removed_only_on_request(lab):
    lab.up(lab.spec(), lab.spec("second"))
    one = {"name": f"{PREFIX}-web"}
    assert len(lab.up(one, state="absent", check=True).actions) == 1
    assert len(lab.up(one, state="absent", orphans=True).actions) == 2
    assert lab.names() == set()


# Containers that nothing needs


def test_an_optional_container_with_a_mistake_fails_alone(lab):
    wrong = lab.spec("misspelt", comand=["true"])
    absent = lab.spec("absent", image=f"{IMAGE}:none")
    stops = lab.spec("stops", command=["no-such-program"], init=False)
    report = lab.converge(lab.spec("good"), wrong, absent, stops, work=converge.converge_optional)
    assert set(report.failed_components) == {"misspelt", "absent", "stops"}
    assert "unknown option 'comand'; did you mean 'command'?" in report.failed_components["misspelt"]
    assert f"the image {IMAGE}:none does not exist" in report.failed_components["absent"]
    assert "the program no-such-program does not exist" in report.failed_components["stops"]
    assert lab.inspect("good")["State"]["Running"]
    assert f"{PREFIX}-misspelt" not in lab.names()


def test_optional_containers_are_idempotent(lab):
    lab.converge(lab.spec("good"), work=converge.converge_optional)
    second = lab.converge(lab.spec("good"), work=converge.converge_optional)
    assert (second.failures, second.changed) == ([], False)
