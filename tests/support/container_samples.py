"""Specifications, images and inspected containers for the unit tests: what the engine would answer to a payload."""

from __future__ import annotations

import copy

from cloudlab.containers import declaration, payload, spec
from cloudlab.containers.plan import Situation

API = (1, 41)
IMAGE = {
    "Id": "sha256:1111111111111111",
    "Config": {
        "Env": ["PATH=/bin", "LANG=C"],
        "Cmd": ["serve"],
        "Entrypoint": ["/entry"],
        "User": "app",
        "WorkingDir": "/srv",
        "Labels": {"maker": "someone"},
        "StopSignal": "SIGINT",
        "Healthcheck": None,
        "Volumes": None,
    },
}
NETWORKS = {"lab-front": "net1", "lab-back": "net2"}
RAW = {
    "name": "lab-web",
    "component": "web",
    "image": "web:1",
    "env": {"LEVEL": "info", "DB_PASSWORD": "correct-horse"},
    "networks": [{"name": "lab-front", "aliases": ["web"]}],
    "published_ports": ["127.0.0.1:8080:80/tcp"],
    "mounts": [{"type": "volume", "source": "lab-web-data", "target": "/data"}],
    "memory": "64m",
    "cpus": 0.5,
    "pids_limit": 100,
    "cap_drop": ["ALL"],
    "read_only": True,
    "restart_policy": "unless-stopped",
    "log_driver": "json-file",
    "log_options": {"max-size": "10m"},
    "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
}


def parse(**options) -> spec.Spec:
    """The sample specification with other options; None removes one."""
    [parsed] = declaration.parse([{**RAW, **options}], "lab")
    return parsed


def running(specified: spec.Spec, image: dict = IMAGE) -> dict:
    """An inspected container that is exactly as specified."""
    body = payload.create(specified, API)
    config = image["Config"]
    host = body.pop("HostConfig")
    networks = body.pop("NetworkingConfig")["EndpointsConfig"]
    return copy.deepcopy(
        {
            "Id": "c" * 64,
            "Name": f"/{specified.name}",
            "Image": image["Id"],
            "RestartCount": 0,
            "State": {"Status": "running", "Running": True, "Paused": False, "Health": {"Status": "healthy"}},
            "Config": {
                **body,
                "Env": [*body["Env"], *config["Env"]],
                "Labels": config["Labels"] | body["Labels"],
                "Cmd": body.get("Cmd", config["Cmd"]),
                "Entrypoint": body.get("Entrypoint", config["Entrypoint"]),
                "User": body.get("User", config["User"]),
                "WorkingDir": body.get("WorkingDir", config["WorkingDir"]),
                "StopSignal": body.get("StopSignal", config["StopSignal"]),
                "Hostname": "c" * 12,
            },
            # The engine adds the defaults of its own configuration to the log's options.
            "HostConfig": {
                **host,
                "ShmSize": 2**26,
                "LogConfig": _log(host),
                "Devices": [],
                "PidMode": "",
                "CpuShares": 0,
            },
            "NetworkSettings": {
                "Networks": {
                    name: {"NetworkID": NETWORKS[name], "Aliases": [*endpoint["Aliases"], "c" * 12]}
                    for name, endpoint in networks.items()
                }
            },
            "Mounts": [
                {
                    "Type": item["Type"],
                    "Name": item["Source"],
                    "Destination": item["Target"],
                    "RW": not item["ReadOnly"],
                }
                for item in host["Mounts"]
            ],
        }
    )


def _log(host: dict) -> dict:
    log = host["LogConfig"]
    return {"Type": log["Type"], "Config": log["Config"] | {"labels": "from-daemon-json"}}


def situation(container: dict | None, **other) -> Situation:
    """A situation in which image and networks exist."""
    return Situation(**({"container": container, "image": IMAGE, "networks": NETWORKS} | other))
