"""Envoy's configuration as files. Pure functions over the model.

`live_files`: the files that Envoy watches, one per type of resource. `bootstrap`: the file that it starts with.
`standalone`: both in one document for validation, because Envoy's validation mode does not read watched files.
"""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloudlab.gateway.clusters import clusters
from cloudlab.gateway.listener import listener, live_source
from cloudlab.gateway.model import Gateway
from cloudlab.gateway.routing import routing
from cloudlab.model import jsontext

CLUSTERS, LISTENERS, ROUTES = "cds.json", "lds.json", "rds.json"
FILES = (CLUSTERS, LISTENERS, ROUTES)
_LOG_LINE = {"time": "%Y-%m-%dT%T.%eZ", "level": "%l", "service": "gateway", "logger": "%n", "msg": "%j"}


def live_files(gateway: Gateway, version: str = "") -> dict[str, str]:
    """File name -> content of everything that can change while the gateway runs.

    version: version of the files; empty for a hash of their content.
    """
    return {
        CLUSTERS: _response(clusters(gateway), version),
        LISTENERS: _response([listener(gateway)], version),
        ROUTES: _response([routing(gateway)], version),
    }


def bootstrap(gateway: Gateway) -> str:
    """The file that Envoy starts with. The address of its admin interface is added when it starts."""
    sources = {"cds_config": live_source(CLUSTERS), "lds_config": live_source(LISTENERS)}
    return _text(_bootstrap(gateway.settings.instance) | {"dynamic_resources": sources})


def standalone(gateway: Gateway) -> str:
    """The whole configuration as static resources."""
    listening = copy.deepcopy(listener(gateway))
    manager = listening["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = _untyped(routing(gateway))
    resources = {"clusters": [_untyped(cluster) for cluster in clusters(gateway)], "listeners": [_untyped(listening)]}
    return _text(_bootstrap(gateway.settings.instance) | {"static_resources": resources})


def version(text: str) -> str:
    """The version of a live file; Envoy reports it after loading the file."""
    return json.loads(text)["version_info"]


def with_clusters_of(wanted: str, running: str) -> str:
    """The clusters file `wanted`, plus the clusters of the file `running` that are missing from it."""
    new, old = json.loads(wanted)["resources"], json.loads(running)["resources"]
    names = {resource["name"] for resource in new}
    kept = [resource for resource in old if resource["name"] not in names]
    return _response(new + kept) if kept else wanted


def _bootstrap(instance: str) -> dict[str, Any]:
    return {
        "node": {"id": f"{instance}-gateway", "cluster": instance},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 4096,
                    },
                },
            ],
        },
        # JSON, like the access log.
        "application_log_config": {"log_format": {"json_format": _LOG_LINE}},
    }


def _response(resources: Sequence[Mapping[str, Any]], version: str = "") -> str:
    digest = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()
    return _text({"version_info": version or digest[:12], "resources": resources})


def _untyped(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource without its type, where the place implies it."""
    return {key: value for key, value in resource.items() if key != "@type"}


def _text(document: Mapping[str, Any]) -> str:
    return jsontext.write(document) + "\n"
