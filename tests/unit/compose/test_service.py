"""A specification with all options as a Compose service."""

import pytest

from cloudlab.compose import described, placeholders, service
from cloudlab.containers import declaration, options

EVERYTHING = {
    "name": "lab-web",
    "component": "web",
    "image": "web:1",
    "needs": ["db"],
    "secret_env": ["LEVEL"],
    "files": [
        {"content": "a: 1\n", "target": "/etc/web/web.yml"},
        {"content": "#!/bin/sh\n", "target": "/usr/local/bin/start", "mode": "0555"},
    ],
    "command": ["serve", "--fast"],
    "entrypoint": ["/entry"],
    "env": {"LEVEL": "info", "PORT": 80},
    "labels": {"maker": "somebody"},
    "user": "7:8",
    "working_dir": "/srv/",
    "hostname": "webhost",
    "networks": [{"name": "lab-front", "aliases": ["web", "www"]}, {"name": "lab-back", "aliases": ["web"]}],
    "published_ports": ["8080:80", "0.0.0.0:53:53/udp"],
    "mounts": [
        {"type": "volume", "source": "lab-web-data", "target": "/data"},
        {"type": "volume", "source": "lab-other-bin", "target": "/bin/other", "read_only": True},
        {"type": "bind", "source": "/var/run/docker.sock", "target": "/engine.sock", "read_only": True},
        {"type": "bind", "source": str(service.settings.ROOT / "files" / "reload"), "target": "/reload"},
        {"type": "bind", "source": f"{placeholders.DIRECTORY}/logs/parts", "target": "/logs"},
        {"type": "bind", "source": f"{placeholders.DIRECTORY}/config/live", "target": "/live", "read_only": True},
        {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "1m", "tmpfs_mode": "1777", "tmpfs_options": ["noexec"]},
        {"type": "tmpfs", "target": "/run/sockets", "tmpfs_mode": "0755"},
        {"type": "tmpfs", "target": "/scratch"},
    ],
    "memory": "256m",
    "memory_swap": "512m",
    "memory_reservation": "100000k",
    "cpus": 1.5,
    "pids_limit": 64,
    "shm_size": "1g",
    "ulimits": ["nofile:1024:2048"],
    "cap_drop": ["ALL"],
    "cap_add": ["NET_RAW"],
    "security_opts": ["no-new-privileges:true"],
    "read_only": True,
    "init": True,
    "restart_policy": "on-failure",
    "restart_retries": 3,
    "stop_signal": "SIGINT",
    "stop_timeout": "90s",
    "healthcheck": {
        "test": ["CMD", "true"],
        "interval": "10s",
        "timeout": "1500ms",
        "retries": 4,
        "start_period": "2m",
        "start_interval": "500ms",
        "fallback_interval": "3s",
    },
    "log_driver": "json-file",
    "log_options": {"max-size": "10m"},
    "sysctls": {"net.core.somaxconn": "1024"},
    "etc_hosts": {"here": "127.0.0.1"},
    "group_add": ["27"],
}
ROLE = service.settings.ROOT / "roles" / "dashboard"
FOLDERS = {f"{placeholders.DIRECTORY}/config/live": {"routes.json": "{}\n"}}


def translate(shares=(), **changes):
    [parsed] = declaration.parse([{**EVERYTHING, **changes}], "lab")
    return service.translate(described.container(parsed, ROLE), "lab", FOLDERS, list(shares))


def test_the_sample_has_every_option():
    assert set(options.OPTIONS) <= set(EVERYTHING)


def test_every_option():
    part = translate(shares=["/run/sockets"])
    assert part.key == "web"
    assert part.service == {
        "image": "web:1",
        "container_name": "lab-web",
        "user": "7:8",
        "working_dir": "/srv",
        "hostname": "webhost",
        "entrypoint": ["/entry"],
        "command": ["serve", "--fast"],
        "environment": {"LEVEL": "info", "PORT": "80"},
        "ports": ["0.0.0.0:53:53/udp", "127.0.0.1:8080:80/tcp"],
        "sysctls": {"net.core.somaxconn": "1024"},
        "extra_hosts": {"here": "127.0.0.1"},
        "group_add": ["27"],
        "cap_drop": ["ALL"],
        "cap_add": ["NET_RAW"],
        "security_opt": ["no-new-privileges:true"],
        "init": True,
        "stop_signal": "SIGINT",
        "pids_limit": 64,
        "mem_limit": "256m",
        "memswap_limit": "512m",
        "mem_reservation": "100000k",
        "cpus": "1.5",
        "shm_size": "1g",
        "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
        "restart": "on-failure:3",
        "stop_grace_period": "90s",
        "logging": {"driver": "json-file", "options": {"max-size": "10m"}},
        "labels": {
            "maker": "somebody",
            "cloudlab.instance": "lab",
            "cloudlab.component": "web",
            "cloudlab.container": "lab-web",
        },
        "networks": {"front": {"aliases": ["www"], "priority": 1}, "back": None},
        "healthcheck": {
            "test": ["CMD", "true"],
            "interval": "3s",
            "timeout": "1500ms",
            "start_period": "120s",
            "retries": 4,
        },
        "volumes": [
            "other-bin:/bin/other:ro",
            "web-data:/data",
            {
                "type": "bind",
                "source": "/var/run/docker.sock",
                "target": "/engine.sock",
                "read_only": True,
                "bind": {"create_host_path": False},
            },
            "web-parts:/logs",
            {
                "type": "bind",
                "source": "./files/reload",
                "target": "/reload",
                "bind": {"create_host_path": False},
            },
            "web-sockets:/run/sockets",
        ],
        "tmpfs": ["/scratch", "/tmp:noexec,size=1048576,mode=1777"],
        "configs": [
            {"source": "web-routes.json", "target": "/live/routes.json"},
            {"source": "web-web.yml", "target": "/etc/web/web.yml"},
            {"source": "web-start", "target": "/usr/local/bin/start", "mode": 0o555},
        ],
    }
    assert part.configs == {
        "web-routes.json": {"content": "{}\n"},
        "web-web.yml": {"content": "a: 1\n"},
        "web-start": {"content": "#!/bin/sh\n"},
    }
    assert part.start_interval == {"interval": "10s", "start_interval": "500ms"}
    assert part.volumes["web-sockets"]["driver_opts"] == {"type": "tmpfs", "device": "tmpfs", "o": "mode=755"}
    assert set(part.volumes) == {"web-data", "other-bin", "web-parts", "web-sockets"}


def test_a_root_file_system_without_configurations_stays_read_only():
    mounts = [mount for mount in EVERYTHING["mounts"] if "config" not in mount.get("source", "")]
    assert translate(files=[], mounts=mounts).service["read_only"] is True
    assert "read_only" not in translate().service


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_swap": "-1"}, {"memswap_limit": -1}),
        ({"memory_swap": None}, {"memswap_limit": "512m"}),
        ({"restart_policy": "unless-stopped", "restart_retries": None}, {"restart": "unless-stopped"}),
        ({"entrypoint": []}, {"entrypoint": []}),
        ({"networks": ["lab-front"]}, {"networks": ["front"]}),
        ({"networks": [], "published_ports": []}, {"network_mode": "none"}),
    ],
)
def test_options_that_depend_on_others(changes, expected):
    made = translate(**changes).service
    assert {key: made[key] for key in expected} == expected


def test_unset_options_are_left_out():
    [parsed] = declaration.parse(
        [{"name": "lab-web", "component": "web", "image": "web:1", "networks": ["lab-front"]}], "lab"
    )
    made = service.translate(described.container(parsed, ROLE), "lab", {}, [])
    assert made.service.keys() == {"image", "container_name", "labels", "networks"}
    assert made.start_interval == {}


def test_files_with_the_same_base_name_have_different_keys():
    files = [{"content": text, "target": f"/etc/{text}/run"} for text in ("a", "b")]
    configs = translate(files=files, mounts=[]).configs
    assert configs == {"web-etc-a-run": {"content": "a"}, "web-etc-b-run": {"content": "b"}}


def test_an_unchanged_file_of_the_role_is_referenced():
    page = (ROLE / "files" / "dashboard.js").read_text(encoding="utf-8")
    files = [{"content": page, "target": "/a/dashboard.js"}, {"content": f"{page}more", "target": "/b/dashboard.js"}]
    assert translate(files=files, mounts=[]).configs == {
        "web-a-dashboard.js": {"content": page, "file": "./roles/dashboard/files/dashboard.js"},
        "web-b-dashboard.js": {"content": f"{page}more"},
    }
