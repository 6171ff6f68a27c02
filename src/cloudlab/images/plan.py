"""Which images to pull, build, keep or skip. Pure.

Order of preference with `auto`: the source that wrote existing data, a present image, a registry, a build.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudlab.images import references
from cloudlab.images.contexts import REPOSITORY, Context
from cloudlab.images.registry import Answer
from cloudlab.model import graphs
from cloudlab.model.problems import ProblemsError

AUTO, REGISTRY, PACKAGES = "auto", "registry", "packages"
PRESENT, PULL, BUILD, SKIP = "present", "pull", "build", "skip"


class ImagesError(ProblemsError):
    """Some images are unavailable, or could not be pulled or built; `problems` has one message for each cause."""


@dataclass(frozen=True)
class Settings:
    """The user's settings, and the abilities of this host."""

    source: str = AUTO
    mirror: str = ""
    no_base: str = ""  # why base systems cannot be built on this host; empty when they can


@dataclass(frozen=True)
class Decision:
    """What to do for one required image."""

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
    """Where an image of this name comes from; empty without a name."""
    if not reference:
        return ""
    return PACKAGES if reference.startswith(f"{REPOSITORY}/") else REGISTRY


def required_images(environment: Mapping[str, Any], images: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The catalogue's entries of the images that the environment's components run, each with its `key`."""
    keys = dict.fromkeys(entry["image_key"] for entry in environment["components"].values() if entry.get("image_key"))
    return [{"key": key, **images[key]} for key in keys]


def volume_sources(environment: Mapping[str, Any], label: str) -> dict[str, str]:
    """Key of an image -> the source of the image that wrote the existing data of its components."""
    sources = {}
    for volume in environment["volumes"].values():
        source = volume.get("labels", {}).get(label)
        if volume.get("exists") and source:
            sources[environment["components"][volume["component"]]["image_key"]] = source
    return sources


@dataclass(frozen=True)
class Planner:
    """What plans depend on, besides the required images.

    local: what the engine has: reference -> image id. sources: key -> source of the image that wrote existing data; it
    is never switched. contexts: the package forms of the required images and their ancestors.
    """

    settings: Settings
    local: Mapping[str, str]
    sources: Mapping[str, str]
    contexts: Mapping[str, Context]

    def questions(self, images: Iterable[Mapping[str, Any]]) -> list[str]:
        """The references to ask a registry for: none for images that are present or come from packages anyway."""
        asked = []
        for image in images:
            source = self.sources.get(image["key"]) or self.settings.source
            reference = self._reference(image)
            if PACKAGES in (source, self.settings.source) or self._present(reference):
                continue
            if source == AUTO and self._package_present(image):
                continue
            asked.append(reference)
        return asked

    def plan(self, images: Iterable[Mapping[str, Any]], answers: Mapping[str, Answer]) -> Plan:
        """Decide for every image.

        :param images: {"key", "repository", "tag", "context"} each, and "digest" if it is locked; without `context`
            there is no package form.
        :param answers: what registries answered to `questions`.

        Raises ImagesError with every unavailable image.
        """
        decisions: dict[str, Decision] = {}
        problems: list[str] = []
        unavailable: dict[tuple[str, str], list[_Unavailable]] = {}
        for image in images:
            try:
                decisions[image["key"]] = self._decide(image, answers)
            except _Unavailable as error:
                unavailable.setdefault((error.host, error.cause), []).append(error)
            except ImagesError as error:
                problems += error.problems
        problems += [_unavailable(cause, errors, self.settings) for (_, cause), errors in unavailable.items()]
        builds = self._builds(entry.context for entry in decisions.values() if entry.step == BUILD)
        if self.settings.no_base and any(self.contexts[name].suite for name in builds):
            problems.append(_no_packages(builds, self.settings, answers))
        if problems:
            raise ImagesError(problems)
        pulls = dict.fromkeys(entry.reference for entry in decisions.values() if entry.step == PULL)
        return Plan(decisions, list(pulls), builds)

    def _decide(self, image: Mapping[str, Any], answers: Mapping[str, Answer]) -> Decision:
        key, context = image["key"], image.get("context") or ""
        source = self._source(key)
        reference = self._reference(image)
        if source != PACKAGES and (present := self._present(reference)):
            return Decision(key, PRESENT, REGISTRY, reference, present)
        if source != REGISTRY and (present := self._package_present(image)):
            return Decision(key, PRESENT, PACKAGES, self.contexts[context].reference, present, context=context)
        answer = answers.get(reference, Answer(found=False, cause="it was not asked"))
        if source != PACKAGES and answer.found:
            return Decision(key, PULL, REGISTRY, reference)
        if source == REGISTRY:
            raise _Unavailable(key, reference, _answered(reference, answer), bound=self.sources.get(key) == REGISTRY)
        if context:
            reason = "" if source == PACKAGES else _answered(reference, answer)
            return Decision(key, BUILD, PACKAGES, self.contexts[context].reference, reason=reason, context=context)
        why = "packages were requested" if source == PACKAGES else _answered(reference, answer)
        return Decision(key, SKIP, reason=f"it exists only as {reference}, and {why}")

    def _source(self, key: str) -> str:
        """auto, registry or packages for an image: existing data binds it to the source that wrote it."""
        bound, source = self.sources.get(key), self.settings.source
        if bound and source not in (AUTO, bound):
            raise ImagesError(
                [
                    f"{key}: its data was written by the image from {bound}, and image_source is {source}. They may "
                    f"differ in version: set IMAGE_SOURCE={bound} or auto, or remove the data: "
                    "ansible-playbook playbooks/reset.yml -e level=data -e components=<component>."
                ]
            )
        return bound or source

    def _reference(self, image: Mapping[str, Any]) -> str:
        return references.registry_reference(image, self.settings.mirror)

    def _present(self, reference: str) -> str:
        return self.local.get(references.familiar(reference), "")

    def _package_present(self, image: Mapping[str, Any]) -> str:
        context = image.get("context")
        return self.local.get(self.contexts[context].reference, "") if context else ""

    def _builds(self, names: Iterable[str]) -> list[str]:
        """The contexts to build: those named, and ancestors that are not present; parents first."""
        missing = {name for name, context in self.contexts.items() if context.reference not in self.local}
        needed = graphs.closure(
            missing.intersection(names), lambda name: missing.intersection(self.contexts[name].parents.values())
        )
        return [name for name in self.contexts if name in needed]


class _Unavailable(Exception):
    """A registry is the only possible source of an image, and does not have it."""

    def __init__(self, key: str, reference: str, cause: str, bound: bool):
        super().__init__(key)
        self.key, self.reference, self.cause, self.bound = key, reference, cause, bound
        self.host = references.split_host(reference)[0]


def _answered(reference: str, answer: Answer) -> str:
    host, _ = references.split_host(reference)
    return f"the registry {host} {'answers: ' if answer.reachable else 'does not answer: '}{answer.cause}"


def _unavailable(cause: str, errors: list[_Unavailable], settings: Settings) -> str:
    """One message for all images that one registry lacks for one reason."""
    names = ", ".join(f"{error.key} ({error.reference})" for error in errors)
    fixes = ["check the connection" if not settings.mirror else f"check REGISTRY_MIRROR={settings.mirror}"]
    if not settings.mirror:
        fixes.append("set REGISTRY_MIRROR to a reachable registry")
    if settings.source == REGISTRY:
        fixes.append("set IMAGE_SOURCE=auto or packages to build images from packages")
    bound = [error.key for error in errors if error.bound and settings.source != REGISTRY]
    note = (
        f" The data of {', '.join(bound)} was written by the registry's image, so no other one is used."
        if bound
        else ""
    )
    return f"{cause}. It must provide: {names}.{note} Fix: {', or '.join(fixes)}."


def _no_packages(builds: list[str], settings: Settings, answers: Mapping[str, Answer]) -> str:
    answered = {_answered(reference, answer) for reference, answer in answers.items() if not answer.found}
    why = f" They would be pulled, but {'; '.join(sorted(answered))}." if answered else ""
    return f"Images cannot be built from packages on this host ({', '.join(builds)}): {settings.no_base}.{why}"
