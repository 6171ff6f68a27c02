"""A folder and an image for containers of their own, and short ways to do what a user does with `docker`."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
import urllib.request
from pathlib import Path

import docker
import pytest

from cloudlab import engine
from cloudlab.containers import converge, declaration, files, payload

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


class ContainerLab:
    """The engine, a folder for the instance, and short ways to do what a user does with `docker`."""

    def __init__(self, client: docker.APIClient, directory: Path):
        self.client = client
        self.directory = directory
        self.port = free_port()

    def build(self, page: str = "one") -> None:
        """(Re)build the image under its tag."""
        self.client.import_image_from_data(
            image_archive(page),
            repository=IMAGE,
            tag="1",
            changes=["ENV FROM_IMAGE=yes", "LABEL cloudlab.test=containers"],
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


def actions(report: converge.Report) -> list[str]:
    return [entry["action"] for entry in report.actions]


def reasons(report: converge.Report) -> str:
    return "\n".join(reason for entry in report.actions for reason in entry["reasons"])


def edited_file(lab: ContainerLab) -> None:
    """Change a mounted file of the container in place."""
    path = lab.directory / "config" / "web" / "app.conf"
    path.chmod(0o644)
    path.write_text("threads 400\n")
