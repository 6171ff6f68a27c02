"""The picture of one environment that a play works with: what is chosen, what it is called, and how it starts out.

`describe` is pure: it turns the settings, the catalogue and what the engine holds into the variable `cloudlab`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue

LABEL_INSTANCE = "cloudlab.instance"
LABEL_COMPONENT = "cloudlab.component"
# What Docker Compose marks its containers with.
LABEL_COMPOSE = "com.docker.compose.project"
LABEL_SOURCE = "cloudlab.source"
LABEL_DATA = "cloudlab.data"

# Those that say whose a line of a log is; `cloudlab.container` tells replicas apart.
LOG_LABELS = f"{LABEL_INSTANCE},{LABEL_COMPONENT},cloudlab.container"

# Only this machine can reach what is published.
PUBLISH_ADDRESS = "127.0.0.1"


def directory(root: Path, instance: str) -> Path:
    """Where everything that is generated for the instance lives."""
    return root / ".cloudlab" / instance


def describe(
    root: Path,
    values: Mapping[str, Any],
    chosen: list[str],
    stock: Mapping[str, Any],
    engine: Mapping[str, Any],
    complete: bool = False,
    platform_settings: Iterable[str] = (),
) -> dict[str, Any]:
    """The variable `cloudlab`.

    :param values: the play's variables: settings, complete catalogue, networks, profiles.
    :param chosen: names of components in start order.
    :param stock: what the engine holds: {"containers": […], "networks": […], "volumes": […]} as its list calls answer.
    :param engine: facts of the engine, taken over as they are.
    :param platform_settings: settings that the platform declares for its services.
    :param complete: whether the run is for all that the profile chooses, and not for a part of it chosen by tags.
    """
    instance = values["cloudlab_instance"]
    size = values["profiles"][values["cloudlab_profile"]].get("size", "full")
    components = {name: component(name, values, size, engine) for name in chosen}
    network_names = {network for entry in components.values() for network in entry["networks"]}
    return {
        "instance": instance,
        "directory": str(directory(root, instance)),
        "profile": values["cloudlab_profile"],
        "size": size,
        "complete": complete,
        "chosen": chosen,
        "unavailable": {},
        "present": present(instance, chosen, components, stock["containers"]),
        "surplus": surplus(instance, chosen, stock["containers"]) if complete else [],
        "engine": dict(engine),
        # Whose the folder is, for containers that write into it.
        "group": os.getgid(),
        "catalogue": values["catalogue"],
        # The platform's own settings.
        "settings": {name: values[name] for name in platform_settings},
        # Whether it is only written down, with placeholders for settings: see cloudlab.compose.
        "described": False,
        "composed": composed(instance, stock["containers"]),
        "components": components,
        "networks": {
            network: _existing(
                {"name": f"{instance}-{network}", "subnet": values["networks"][network].get("subnet", "")},
                stock["networks"],
                instance,
            )
            for network in sorted(network_names)
        },
        "volumes": {
            volume["name"]: _existing({**volume, "component": name}, stock["volumes"], instance)
            for name, entry in components.items()
            for volume in entry["volumes"].values()
        },
    }


def composed(instance: str, containers: list[Mapping[str, Any]]) -> bool:
    """Whether the instance was brought up by Docker Compose."""
    labels = (item.get("Labels") or {} for item in containers)
    return any(own.get(LABEL_INSTANCE) == instance and LABEL_COMPOSE in own for own in labels)


def present(
    instance: str, chosen: list[str], components: Mapping[str, Any], containers: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What stopping has to know of each container that the chosen components have, replicas too: name and needs."""
    return [
        {"name": item["Names"][0].lstrip("/"), "component": name, "needs": components[name]["spec"]["needs"]}
        for item in containers
        if (labels := item.get("Labels") or {}).get(LABEL_INSTANCE) == instance
        and (name := labels.get(LABEL_COMPONENT)) in chosen
    ]


def surplus(instance: str, chosen: list[str], containers: list[Mapping[str, Any]]) -> list[str]:
    """Names of the instance's containers whose component is not chosen: of another profile, or of none any more."""
    return sorted(
        item["Names"][0].lstrip("/")
        for item in containers
        if (labels := item.get("Labels") or {}).get(LABEL_INSTANCE) == instance
        and labels.get(LABEL_COMPONENT) not in chosen
    )


def component(name: str, values: Mapping[str, Any], size: str, engine: Mapping[str, Any]) -> dict[str, Any]:
    """What the roles know of the component `name`: names, addresses, and the container spec that all start from.

    `engine` is what is known of it: `cpus`, as it refuses a limit above what it has, and what else is unusual.
    """
    entry = values["catalogue"][name]
    instance = values["cloudlab_instance"]
    host_ports = catalogue.host_ports(values["catalogue"], [name], values)[name]
    ports = {
        port["name"]: {"container": port["container"], "host": host_ports[port["name"]]}
        for port in entry.get("ports", [])
    }
    volumes = {
        volume: {"name": f"{instance}-{name}-{volume}", "target": target}
        for volume, target in entry.get("volumes", {}).items()
    }
    networks = list(entry.get("networks", []))
    limits = catalogue.resources(entry, size)
    memory = values.get(limits.get("memory_setting", "")) or limits.get("memory", "")
    spec = {
        "name": f"{instance}-{name}",
        "component": name,
        "needs": catalogue.needs(values["catalogue"], name),
        "networks": [{"name": f"{instance}-{network}", "aliases": [name]} for network in networks],
        "published_ports": [f"{PUBLISH_ADDRESS}:{port['host']}:{port['container']}/tcp" for port in ports.values()],
        "mounts": [
            {"type": "volume", "source": volume["name"], "target": volume["target"]} for volume in volumes.values()
        ],
        # Hardened from the start; a role that must loosen something says so beside its spec.
        "cap_drop": ["ALL"],
        "security_opts": ["no-new-privileges:true", *_labels(engine)],
        "read_only": True,
        "init": True,
        "restart_policy": "unless-stopped",
        "log_driver": "json-file",
        # With the labels in every line of the file, whoever reads it knows whose line it is, and asks nobody.
        "log_options": {"max-size": "10m", "max-file": "3", "labels": LOG_LABELS},
    }
    if memory:
        # No swap on top: a component that outgrows its limit is ended and named, instead of slowing the machine down.
        spec |= {"memory": memory, "memory_swap": memory}
    if "cpus" in limits and engine.get("cpu_limit", True):
        spec["cpus"] = min(float(limits["cpus"]), float(engine["cpus"]))
    if "pids" in limits:
        spec["pids_limit"] = limits["pids"]
    return {
        "summary": entry["summary"],
        "kind": entry["kind"],
        "role": entry["role"],
        "container": spec["name"],
        "image_key": entry.get("image", ""),
        "ports": ports,
        "networks": networks,
        "volumes": volumes,
        "memory": memory,
        # The setting that replaces it.
        "memory_setting": limits.get("memory_setting", ""),
        "dump": entry.get("dump", ""),
        "spec": spec,
    }


def _labels(engine: Mapping[str, Any]) -> list[str]:
    """What lets containers read files of the user where SELinux asks for labels.

    The alternative is to change the labels of the user's own checkout.
    """
    return ["label=disable"] if engine.get("selinux") else []


class ImageError(ValueError):
    """The images that are to be had do not fit the environment; the message holds a line for each problem."""


def with_images(
    environment: Mapping[str, Any],
    images: Mapping[str, Mapping[str, Any]],
    catalogue_images: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """`environment` with the image each component runs, and without the components whose image is not to be had.

    :param images: the `images` of the action images: key -> {"reference", "source", "state", "reason"}.
    :param catalogue_images: the catalogue's `images`, of which `data` (the on-disk format) is used.

    Raises ImageError when something needs a component without an image, or when an image cannot read the data there is.
    """
    unavailable = dict(environment["unavailable"])
    components = {}
    for name, entry in environment["components"].items():
        image = images.get(entry["image_key"])
        if image and image["state"] == "skipped":
            unavailable[name] = image["reason"]
        elif image:
            data = data_format(catalogue_images[entry["image_key"]], image["source"])
            spec = {**entry["spec"], "image": image["reference"]}
            components[name] = {**entry, "image": {**image, "data": data}, "spec": spec}
        else:
            components[name] = dict(entry)
    problems = [
        f"{name} needs {need}, which cannot run here: {unavailable[need]}"
        for name, entry in components.items()
        for need in entry["spec"]["needs"]
        if need in unavailable
    ]
    problems += data_problems(components, environment["volumes"])
    if problems:
        raise ImageError("\n".join(problems))
    return {
        **environment,
        "components": components,
        "unavailable": unavailable,
        "chosen": [name for name in environment["chosen"] if name not in unavailable],
    }


def data_format(image: Mapping[str, Any], source: str) -> str:
    """The on-disk format that an image of the catalogue writes; it may differ between registry and packages."""
    data = image.get("data", "")
    return str(data.get(source, "")) if isinstance(data, Mapping) else str(data)


def data_problems(components: Mapping[str, Any], volumes: Mapping[str, Any]) -> list[str]:
    """Volumes whose data another format wrote than the component's image reads; a message with the way out for each."""
    found = []
    for volume in volumes.values():
        written = volume["labels"].get(LABEL_DATA, "")
        entry = components.get(volume["component"])
        if not entry or not written or written == entry["image"]["data"]:
            continue
        name = volume["component"]
        found.append(
            f"the volume {volume['name']} holds data of {name} {written} (from {volume['labels'].get(LABEL_SOURCE)}); "
            f"{entry['image']['reference']} reads {entry['image']['data']}. Nothing was changed. To go on with the old "
            f"data, set the image back (IMAGE_SOURCE in .env, or images.{entry['image_key']} in "
            "group_vars/all/catalogue.yml). To move it over: with the old image, write a dump "
            f"({entry.get('dump') or 'with the tool of ' + name}); then ansible-playbook playbooks/reset.yml -e level="
            f"data -e components={name}, converge, and read the dump in."
        )
    return found


def missing_volumes(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes of chosen components that do not exist yet: {"name", "labels"}.

    The labels tell a later run whose data it is, and by what it was written.
    """
    components = environment["components"]
    return [
        {
            "name": volume["name"],
            "labels": {
                LABEL_INSTANCE: environment["instance"],
                LABEL_COMPONENT: volume["component"],
                LABEL_SOURCE: components[volume["component"]]["image"]["source"],
                LABEL_DATA: components[volume["component"]]["image"]["data"],
            },
        }
        for volume in environment["volumes"].values()
        if not volume["exists"] and volume["component"] in environment["chosen"]
    ]


def _existing(wanted: dict[str, Any], present: list[Mapping[str, Any]], instance: str) -> dict[str, Any]:
    """`wanted` with `exists`, and the labels of the network or volume of that name."""
    found = next((item for item in present if item["Name"] == wanted["name"]), None)
    labels = (found or {}).get("Labels") or {}
    return {
        **wanted,
        "exists": found is not None,
        "ours": labels.get(LABEL_INSTANCE) == instance,
        "labels": dict(labels),
    }
