"""The container that compiles all services in hot reload."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.services.base import CA_BUNDLE, LABEL_RELOAD, SOURCE, Settings, scratch_mounts

ARTIFACTS = "/go/bin"
RELOAD_SOURCE = "/cloudlab/reload"

# Variables of the user that determine where modules come from and how to reach them. No other variables are passed on.
DOWNLOAD_VARIABLES = (
    "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE", "GONOPROXY", "GOINSECURE", "GOVCS", "GOTOOLCHAIN",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


def config(catalogue: Mapping[str, Any], names: Iterable[str], polling: str) -> str:
    """The builder's configuration file for the services `names`; `polling` is auto, true or false."""
    keys = ("module", "main", "tags")
    services = [{"name": name, **{key: catalogue[name]["go"][key] for key in keys}} for name in sorted(names)]
    document = {"source": SOURCE, "artifacts": ARTIFACTS, "polling": polling, "services": services}
    return json.dumps(document, indent=2) + "\n"


def spec(
    base: Mapping[str, Any],
    config_file: str,
    settings: Settings,
    reload_source: str,
    ca_bundle: str,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """The container that builds all services.

    :param base: its base specification. :param config_file: see :func:`config`.
    :param reload_source: the folder files/reload on the host.
    :param ca_bundle: the file with the host's certificates; empty when it has none.
    :param environ: the user's environment.
    """
    env = {
        "HOME": "/tmp",  # noqa: S108 - in the container
        "GOPATH": "/go",
        "GOCACHE": "/go/cache",
        "CGO_ENABLED": "0",
        # A checkout may ask for a newer Go than the image's.
        "GOTOOLCHAIN": "auto",
        **{name: environ[name] for name in DOWNLOAD_VARIABLES if environ.get(name)},
    }
    mounts = [
        *base.get("mounts", []),
        {"type": "bind", "source": settings.platform, "target": SOURCE, "read_only": True},
        {"type": "bind", "source": reload_source, "target": RELOAD_SOURCE, "read_only": True},
        *scratch_mounts(settings.user),
    ]
    files = [
        {"content": config_file, "target": "/etc/cloudlab/builder.json"},
        {"src": "builder.sh.j2", "target": "/etc/cloudlab/builder.sh"},
    ]
    if ca_bundle:
        env["SSL_CERT_FILE"] = CA_BUNDLE
        # A copy: a virtual machine with the engine shares the user's folders, but no folders of the system.
        files.append({"copy": ca_bundle, "target": CA_BUNDLE})
    return {
        **base,
        "user": settings.user,
        "entrypoint": ["/bin/sh", "/etc/cloudlab/builder.sh"],
        "command": [],
        "working_dir": RELOAD_SOURCE,
        "env": env,
        "mounts": mounts,
        "labels": {**base.get("labels", {}), LABEL_RELOAD: settings.reload},
        "files": files,
        "stop_timeout": 10,
        "healthcheck": {
            "test": ["CMD", f"{ARTIFACTS}/builder", "health"],
            "interval": "30s",
            "timeout": "5s",
            "retries": 3,
            # It compiles itself first, without a build cache on a new machine.
            "start_period": "300s",
            "start_interval": "500ms",
            "fallback_interval": "15s",
        },
    }
