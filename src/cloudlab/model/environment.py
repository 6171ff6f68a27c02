"""The environment that a play works with: selected components, their names, and the base of their container specs.

`describe` is pure: it derives the variable `cloudlab` from settings, catalogue and engine state.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue

LABEL_INSTANCE = "cloudlab.instance"
LABEL_COMPONENT = "cloudlab.component"
# Set by Docker Compose on its containers.
LABEL_COMPOSE = "com.docker.compose.project"
LABEL_SOURCE = "cloudlab.source"
LABEL_DATA = "cloudlab.data"

# They identify the container of a log line; `cloudlab.container` distinguishes replicas.
LOG_LABELS = f"{LABEL_INSTANCE},{LABEL_COMPONENT},cloudlab.container"

# Published ports are reachable from this machine only.
PUBLISH_ADDRESS = "127.0.0.1"


def directory(root: Path, instance: str) -> Path:
    """The directory of everything that is generated for the instance."""
    return root / ".cloudlab" / instance


def describe(
    root: Path,
    values: Mapping[str, Any],
    chosen: list[str],
    stock: Mapping[str, Any],
    engine: Mapping[str, Any],
    complete: bool = False,
    platform_settings: Iterable[str] = (),
    excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED,
) -> dict[str, Any]:
    """The variable `cloudlab`.

    :param values: the play's variables: settings, complete catalogue, networks, profiles.
    :param chosen: names of components in startup order.
    :param stock: engine state: {"containers": […], "networks": […], "volumes": […]} as returned by its list calls.
    :param engine: facts of the engine, copied unchanged.
    :param platform_settings: settings that the platform declares for its services.
    :param complete: whether the run is for the whole profile, not for a selection by tags.
    :param excluded: see cloudlab.model.conditions.Effective.
    """
    instance = values["cloudlab_instance"]
    size = values["profiles"][values["cloudlab_profile"]].get("size", "full")
    components = {name: component(name, values, size, engine) for name in chosen}
    containers = [item for item in stock["containers"] if belongs(item, instance)]
    retired = _retired(components, containers)
    network_names = {network for entry in components.values() for network in entry["networks"]}
    return {
        "instance": instance,
        "directory": str(directory(root, instance)),
        "profile": values["cloudlab_profile"],
        "size": size,
        "complete": complete,
        "chosen": chosen,
        "unavailable": {},
        # Components that the settings exclude.
        "excluded": dict(excluded),
        "present": present(chosen, components, containers),
        "surplus": surplus(chosen, containers) if complete else retired,
        # Those of `surplus` that are removed last.
        "retired": retired,
        "engine": dict(engine),
        # The group of the directory, for containers that write into it.
        "group": os.getgid(),
        "catalogue": values["catalogue"],
        # The platform's own settings.
        "settings": {name: values[name] for name in platform_settings},
        # Whether it is described only, with placeholders for settings: see cloudlab.compose.
        "described": False,
        # Whether Docker Compose started it.
        "composed": any(LABEL_COMPOSE in labels_of(item) for item in containers),
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


def labels_of(item: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an object in one of the engine's lists."""
    return item.get("Labels") or {}


def belongs(item: Mapping[str, Any], instance: str) -> bool:
    """Whether an object in one of the engine's lists is the instance's."""
    return labels_of(item).get(LABEL_INSTANCE) == instance


def name_of(container: Mapping[str, Any]) -> str:
    """The name of a container in the engine's list."""
    return container["Names"][0].lstrip("/")


def present(
    chosen: list[str], components: Mapping[str, Any], containers: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The containers of the chosen components, including replicas, with the dependencies that stopping needs."""
    needs = {name: [*components[name]["spec"]["needs"], *components[name]["excluded"]["needs"]] for name in chosen}
    needs |= {name: [] for name in _formerly_needed(components)}
    return [
        {"name": name_of(item), "component": name, "needs": needs[name]}
        for item in containers
        if (name := labels_of(item).get(LABEL_COMPONENT)) in needs
    ]


def _retired(components: Mapping[str, Any], containers: list[Mapping[str, Any]]) -> list[str]:
    """Containers that chosen components needed under other settings: removed once these need them no longer."""
    former = _formerly_needed(components)
    return sorted(name_of(item) for item in containers if labels_of(item).get(LABEL_COMPONENT) in former)


def _formerly_needed(components: Mapping[str, Any]) -> set[str]:
    """The components that the settings exclude and that `components` would need otherwise."""
    return {need for entry in components.values() for need in entry["excluded"]["needs"]}


def surplus(chosen: list[str], containers: list[Mapping[str, Any]]) -> list[str]:
    """Names of the instance's containers whose component is not chosen: of another profile, or removed."""
    return sorted(name_of(item) for item in containers if labels_of(item).get(LABEL_COMPONENT) not in chosen)


def component(name: str, values: Mapping[str, Any], size: str, engine: Mapping[str, Any]) -> dict[str, Any]:
    """What the roles know of the component `name`: names, addresses, and the base of its container spec.

    `engine`: facts of the engine, such as `cpus`, because it rejects a higher limit.
    """
    entry = values["catalogue"][name]
    instance = values["cloudlab_instance"]
    host_ports = catalogue.host_ports(values["catalogue"], [name], values)[name]
    ports = {
        port["name"]: {"container": port["container"], "host": host_ports[port["name"]]}
        for port in entry.get("ports", [])
    }
    volumes = {
        volume: {"name": volume_name(instance, name, volume), "target": target}
        for volume, target in entry.get("volumes", {}).items()
    }
    left = entry.get("excluded", {"needs": [], "volumes": {}})
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
        # Hardened by default; a role gives its reason for each exception next to its spec.
        "cap_drop": ["ALL"],
        # With SELinux, containers could only read files with other labels than those of the user's checkout.
        "security_opts": ["no-new-privileges:true", *(["label=disable"] if engine.get("selinux") else [])],
        "read_only": True,
        "init": True,
        "restart_policy": "unless-stopped",
        "log_driver": "json-file",
        # With labels in every line, a reader of the file can identify the container without the engine.
        "log_options": {"max-size": "10m", "max-file": "3", "labels": LOG_LABELS},
    }
    if memory:
        # No swap: a component above its limit is killed and reported, instead of slowing down the machine.
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
        # What the settings exclude. The volumes are kept: name -> the settings that use it.
        "excluded": {
            "needs": left["needs"],
            "volumes": {volume_name(instance, name, volume): when for volume, when in left["volumes"].items()},
        },
        "spec": spec,
    }


def volume_name(instance: str, component: str, volume: str) -> str:
    """The engine's name of a volume."""
    return f"{instance}-{component}-{volume}"


class ImageError(ValueError):
    """The available images do not fit the environment; the message has a line for each problem."""


def with_images(
    environment: Mapping[str, Any],
    images: Mapping[str, Mapping[str, Any]],
    catalogue_images: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """`environment` with the image of each component, and without the components whose image is unavailable.

    :param images: the `images` of the action images: key -> {"reference", "source", "state", "reason"}.
    :param catalogue_images: the catalogue's `images`; `data` is the on-disk format.

    Raises ImageError if a component depends on one without an image, if one without an image runs with settings that
    have changed, or if an image cannot read existing data.
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
        f"{name} needs {need}, which is unavailable: {unavailable[need]}"
        for name, entry in components.items()
        for need in entry["spec"]["needs"]
        if need in unavailable
    ]
    problems += _stranded(environment, unavailable)
    problems += data_problems(components, environment["volumes"])
    if problems:
        raise ImageError("\n".join(problems))
    return {
        **environment,
        "components": components,
        "unavailable": unavailable,
        "chosen": [name for name in environment["chosen"] if name not in unavailable],
    }


def _stranded(environment: Mapping[str, Any], unavailable: Mapping[str, str]) -> list[str]:
    """Containers that cannot be replaced, and need one that the settings exclude now and that would be removed."""
    started = {item["component"] for item in environment["present"]}
    excluded = environment["excluded"]
    return [
        f"the container of {name} needs {need}, which is not part of this environment with {excluded[need]['actual']}, "
        f"and cannot be replaced: {unavailable[name]}. Nothing was changed. Provide the image, or set "
        f"{excluded[need]['required']} in .env."
        for name, entry in environment["components"].items()
        for need in entry["excluded"]["needs"]
        if name in unavailable and {name, need} <= started
    ]


def data_format(image: Mapping[str, Any], source: str) -> str:
    """The on-disk format that an image of the catalogue writes; it may differ between registry and packages."""
    data = image.get("data", "")
    return str(data.get(source, "")) if isinstance(data, Mapping) else str(data)


def data_problems(components: Mapping[str, Any], volumes: Mapping[str, Any]) -> list[str]:
    """Volumes with data in another format than the component's image reads; a message with the fix for each."""
    found = []
    for volume in volumes.values():
        written = volume["labels"].get(LABEL_DATA, "")
        entry = components.get(volume["component"])
        if not entry or not written or written == entry["image"]["data"]:
            continue
        name = volume["component"]
        found.append(
            f"the volume {volume['name']} has data of {name} {written} (from {volume['labels'].get(LABEL_SOURCE)}), "
            f"but {entry['image']['reference']} reads {entry['image']['data']}. Nothing was changed. To keep using the "
            f"old data, restore the image (IMAGE_SOURCE in .env, or images.{entry['image_key']} in "
            "group_vars/all/catalogue.yml). To move the data: with the old image, export it "
            f"({entry.get('dump') or 'with the tool of ' + name}); then run ansible-playbook playbooks/reset.yml "
            f"-e level=data -e components={name}, start the component, and import the data."
        )
    return found


def missing_volumes(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes of chosen components that do not exist yet: {"name", "labels"}.

    The labels tell a later run the component and the source of the data.
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
    found = next((item for item in present if item["Name"] == wanted["name"]), {})
    return {**wanted, "exists": bool(found), "ours": belongs(found, instance), "labels": dict(labels_of(found))}
