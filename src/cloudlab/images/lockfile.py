"""The lock of the upstream images: the digest that each pinned tag had when the lock was written.

An entry is key -> {"tag": "docker.io/library/postgres:17.11", "digest": "sha256:…", "platforms": ["linux/amd64", …]}.
The digest is that of the list of all platforms where there is one, so that a lock suits every machine. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any

from cloudlab.images import references
from cloudlab.images.plan import ImagesError
from cloudlab.images.registry import Answer

Images = Mapping[str, Mapping[str, Any]]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FIX = "Fix: run `ansible-playbook playbooks/lock.yml`, or remove group_vars/all/images_lock.yml"


def locked(images: Images, lock: Images) -> Images:
    """The catalogue's images, each with its `digest` if there is a lock.

    Raises ImagesError if an image has no entry, or one of another tag: the digest would be of another image.
    """
    if not lock:
        return images
    problems = [problem for key, image in images.items() if (problem := _outdated(key, image, lock.get(key)))]
    if problems:
        raise ImagesError(problems)
    return {key: {**image, "digest": lock[key]["digest"]} for key, image in images.items()}


def _outdated(key: str, image: Mapping[str, Any], entry: Mapping[str, Any] | None) -> str:
    pinned = references.registry_reference(image)
    if entry is None:
        return f"{key}: the lock of the images has no digest of {pinned}. {_FIX}."
    if not _DIGEST.fullmatch(str(entry.get("digest"))):
        return f"{key}: the lock of the images has {entry.get('digest')!r}, which is no digest. {_FIX}."
    if entry.get("tag") != pinned:
        return f"{key}: the lock of the images has the digest of {entry.get('tag')}, but {pinned} is pinned. {_FIX}."
    return ""


def made(images: Images, mirror: str, answers: Mapping[str, Answer]) -> dict[str, dict[str, Any]]:
    """The lock's entries, from what registries answered.

    :param answers: reference -> Answer, of every reference of `questions`.

    Raises ImagesError with every image that no registry has.
    """
    asked = questions(images, mirror)
    problems = [
        f"{key}: {reference} could not be locked: {answers[reference].cause}. Fix: correct its tag in "
        "group_vars/all/catalogue.yml, or check the connection and REGISTRY_MIRROR."
        for key, reference in asked.items()
        if not answers[reference].digest
    ]
    if problems:
        raise ImagesError(problems)
    return {
        key: {
            "tag": references.registry_reference(images[key]),
            "digest": answers[reference].digest,
            "platforms": list(answers[reference].platforms),
        }
        for key, reference in asked.items()
    }


def questions(images: Images, mirror: str) -> dict[str, str]:
    """key -> the reference to ask a registry for."""
    return {key: references.registry_reference(image, mirror) for key, image in images.items()}
