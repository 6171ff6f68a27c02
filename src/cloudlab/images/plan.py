"""What to pull, build, keep or skip. Everything here is pure.

Order with `auto`: what existing data was written with, what is present, what a registry has, what can be built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudlab.images import references
from cloudlab.images.contexts import REPOSITORY, Context
from cloudlab.images.registry import Answer
from cloudlab.model.problems import ProblemsError

AUTO, REGISTRY, PACKAGES = "auto", "registry", "packages"
PRESENT, PULL, BUILD, SKIP = "present", "pull", "build", "skip"


class PlanError(ProblemsError):
    """Some wanted images cannot be had; `problems` holds one message for each cause."""


@dataclass(frozen=True)
class Settings:
    """What the user chose, and what this host can do."""

    source: str = AUTO
    mirror: str = ""
    no_base: str = ""  # why base systems cannot be made here; empty when they can


@dataclass(frozen=True)
class Decision:
    """What happens for one wanted image."""

    key: str
    step: str  # present | pull | build | skip
    source: str = ""  # registry | packages; empty when skipped
    reference: str = ""
    id: str = ""  # of a present image
    reason: str = ""
    context: str = ""


@dataclass(frozen=True)
class Plan:
    """Decisions by key, the references to pull, and the contexts to build, parents first."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    pulls: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)


def source_of(reference: str) -> str:
    """Where an image of this name comes from, of those a plan makes present; empty without a name."""
    if not reference:
        return ""
    return PACKAGES if reference.startswith(f"{REPOSITORY}/") else REGISTRY


def wanted_images(environment: Mapping[str, Any], images: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The catalogue's entries of the images that the environment's components run, each with its `key`."""
    keys = dict.fromkeys(entry["image_key"] for entry in environment["components"].values() if entry.get("image_key"))
    return [{"key": key, **images[key]} for key in keys]


def volume_sources(environment: Mapping[str, Any], label: str) -> dict[str, str]:
    """Key of an image -> the source of the image that wrote the data its components have. No data, no entry."""
    sources = {}
    for volume in environment["volumes"].values():
        source = volume.get("labels", {}).get(label)
        if volume.get("exists") and source:
            sources[environment["components"][volume["component"]]["image_key"]] = source
    return sources


def questions(
    wanted: Iterable[Mapping[str, Any]],
    local: Mapping[str, str],
    settings: Settings,
    sources: Mapping[str, str],
    contexts: Mapping[str, Context],
) -> list[str]:
    """The references that a registry has to be asked for: none for what is present or comes from packages anyway."""
    asked = []
    for image in wanted:
        source = sources.get(image["key"]) or settings.source
        reference = references.registry_reference(image, settings.mirror)
        if PACKAGES in (source, settings.source) or _present(reference, local):
            continue
        if source == AUTO and _package_present(image, local, contexts):
            continue
        asked.append(reference)
    return asked


def plan_images(
    wanted: Iterable[Mapping[str, Any]],
    local: Mapping[str, str],
    settings: Settings,
    answers: Mapping[str, Answer],
    sources: Mapping[str, str],
    contexts: Mapping[str, Context],
) -> Plan:
    """Decide for every wanted image.

    :param wanted: {"key", "repository", "tag", "digest", "context"} each; without `context` there is no package form.
    :param local: what the engine has: reference -> image id.
    :param answers: what registries said about the references of `questions`.
    :param sources: key -> source of the image that wrote existing data; it is never switched.
    :param contexts: the package forms of the wanted images and their ancestors.

    Raises PlanError with everything that cannot be had.
    """
    decisions: dict[str, Decision] = {}
    problems: list[str] = []
    silent: dict[tuple[str, str], list[_Unavailable]] = {}
    for image in wanted:
        try:
            decisions[image["key"]] = _decide(image, local, settings, answers, sources, contexts)
        except _Unavailable as error:
            silent.setdefault((error.host, error.cause), []).append(error)
        except PlanError as error:
            problems += error.problems
    problems += [_unavailable(host, cause, errors, settings) for (host, cause), errors in silent.items()]
    builds = _missing((entry.context for entry in decisions.values() if entry.step == BUILD), local, contexts)
    if settings.no_base and any(contexts[name].suite for name in builds):
        problems.append(_no_packages(builds, settings, answers))
    if problems:
        raise PlanError(problems)
    pulls = dict.fromkeys(entry.reference for entry in decisions.values() if entry.step == PULL)
    return Plan(decisions, list(pulls), builds)


class _Unavailable(Exception):
    """A registry is the only possible source of an image, and does not provide it."""

    def __init__(self, key: str, reference: str, cause: str, bound: bool):
        super().__init__(key)
        self.key, self.reference, self.cause, self.bound = key, reference, cause, bound
        self.host = references.split_host(reference)[0]


def _decide(
    image: Mapping[str, Any],
    local: Mapping[str, str],
    settings: Settings,
    answers: Mapping[str, Answer],
    sources: Mapping[str, str],
    contexts: Mapping[str, Context],
) -> Decision:
    key, context = image["key"], image.get("context") or ""
    source = _source(image, settings, sources)
    reference = references.registry_reference(image, settings.mirror)
    if source != PACKAGES and (present := _present(reference, local)):
        return Decision(key, PRESENT, REGISTRY, reference, present)
    if source != REGISTRY and (present := _package_present(image, local, contexts)):
        return Decision(key, PRESENT, PACKAGES, contexts[context].reference, present, context=context)
    answer = answers.get(reference, Answer(found=False, cause="it was not asked"))
    if source != PACKAGES and answer.found:
        return Decision(key, PULL, REGISTRY, reference)
    if source == REGISTRY:
        raise _Unavailable(key, reference, _said(reference, answer), bound=sources.get(key) == REGISTRY)
    if context:
        reason = "" if source == PACKAGES else _said(reference, answer)
        return Decision(key, BUILD, PACKAGES, contexts[context].reference, reason=reason, context=context)
    why = "packages were asked for" if source == PACKAGES else _said(reference, answer)
    return Decision(key, SKIP, reason=f"it exists only as {reference}, and {why}")


def _source(image: Mapping[str, Any], settings: Settings, sources: Mapping[str, str]) -> str:
    """auto, registry or packages for this image: existing data binds it to the source that wrote it."""
    bound = sources.get(image["key"])
    if bound and settings.source not in (AUTO, bound):
        raise PlanError(
            [
                f"{image['key']}: its data was written by the image from {bound}, and image_source is "
                f"{settings.source}. They may differ in version: set IMAGE_SOURCE={bound} or auto, or remove the data: "
                "ansible-playbook playbooks/reset.yml -e level=data -e components=<component>."
            ]
        )
    return bound or settings.source


def _present(reference: str, local: Mapping[str, str]) -> str:
    return local.get(references.familiar(reference), "")


def _package_present(image: Mapping[str, Any], local: Mapping[str, str], contexts: Mapping[str, Context]) -> str:
    context = image.get("context")
    return local.get(contexts[context].reference, "") if context else ""


def _said(reference: str, answer: Answer) -> str:
    host, _ = references.split_host(reference)
    return f"the registry {host} {'says: ' if answer.reachable else 'does not answer: '}{answer.cause}"


def _unavailable(host: str, cause: str, errors: list[_Unavailable], settings: Settings) -> str:
    """One message for all images that one registry does not provide for one reason."""
    names = ", ".join(f"{error.key} ({error.reference})" for error in errors)
    cures = ["check the connection" if not settings.mirror else f"check REGISTRY_MIRROR={settings.mirror}"]
    if not settings.mirror:
        cures.append("set REGISTRY_MIRROR to a registry that can be reached")
    if settings.source == REGISTRY:
        cures.append("set IMAGE_SOURCE=auto or packages to build images from packages")
    bound = [error.key for error in errors if error.bound and settings.source != REGISTRY]
    note = f" The data of {', '.join(bound)} was written by the registry's image, so no other is used." if bound else ""
    return f"{cause}. Wanted from it: {names}.{note} To mend it: {', or '.join(cures)}."


def _missing(names: Iterable[str], local: Mapping[str, str], contexts: Mapping[str, Context]) -> list[str]:
    """The contexts to build: those named, and ancestors that are not present; parents first."""
    needed: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in needed and contexts[name].reference not in local:
            needed.add(name)
            pending += contexts[name].parents.values()
    return [name for name in contexts if name in needed]


def _no_packages(builds: list[str], settings: Settings, answers: Mapping[str, Answer]) -> str:
    said = {_said(reference, answer) for reference, answer in answers.items() if not answer.found}
    why = f" They would be pulled, but {'; '.join(sorted(said))}." if said else ""
    return f"Images cannot be built from packages here ({', '.join(builds)}): {settings.no_base}.{why}"
