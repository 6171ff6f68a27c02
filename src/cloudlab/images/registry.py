"""Asks registries, through the engine, whether they have an image."""

import re
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from docker import APIClient, auth
from docker.credentials import StoreError
from docker.errors import APIError, DockerException

from cloudlab.engine import Engine
from cloudlab.images import references as names

ASK_SECONDS = 8
# From here on, an engine with mirrors asks each of them and Docker Hub; older ones ask only one, though they pull from
# all: moby/moby#47012.
ALL_MIRRORS_API = (1, 44)
# In the text of a registry that refuses access.
DENIED = "unauthorized|denied"
_MISSING = "it has no such image"


class CredentialsError(Exception):
    """The user's login to a registry cannot be read. The message names the helper, the cause and the fix."""


@dataclass(frozen=True)
class Answer:
    """A registry's answer about one reference.

    cause: why it was not found. digest: of the manifest, or of the list of manifests of all platforms.
    platforms: those that it has an image for, such as "linux/arm64".
    """

    found: bool
    reachable: bool = True
    cause: str = ""
    digest: str = ""
    platforms: tuple[str, ...] = ()


def ask(engine: Engine, references: Iterable[str]) -> dict[str, Answer]:
    """reference -> Answer of at least one reference, all asked concurrently.

    An image that one of several mirrors lacks counts as found, without a digest: only a pull tells.

    :param engine: the timeout of its client (ASK_SECONDS) limits the wait for a registry that does not answer.

    Raises CredentialsError: an unusable login is no reason to build images from packages instead.
    """
    references = list(dict.fromkeys(references))
    _check_helpers(references)
    with ThreadPoolExecutor(len(references)) as pool:
        answers = dict(zip(references, pool.map(lambda name: _ask(engine.client, name), references), strict=True))
    missing = [name for name, answer in answers.items() if _is_of_a_mirror(name, answer)]
    if missing and engine.api < ALL_MIRRORS_API and _has_mirrors(engine.client):
        answers |= dict.fromkeys(missing, Answer(found=True, cause="one of the engine's mirrors lacks it"))
    return answers


def _check_helpers(references: Iterable[str]) -> None:
    """Raise CredentialsError if a credential helper is missing that the login to one of the registries needs."""
    settings = auth.load_config()
    for reference in references:
        helper = auth.get_credential_store(settings, names.split_host(reference)[0])
        if helper and not shutil.which(f"docker-credential-{helper}"):
            raise CredentialsError(_no_login(f"docker-credential-{helper} is not installed"))


def _no_login(text: str) -> str:
    return (
        f"The registry login of ~/.docker/config.json cannot be read: {text}. Install or unlock the credential helper, "
        "or remove credsStore and credHelpers from the file; public images need no login."
    )


def _is_of_a_mirror(reference: str, answer: Answer) -> bool:
    """Whether the engine may have asked a mirror, which lacks the image. Mirrors serve Docker Hub's images only."""
    return answer.cause == _MISSING and names.split_host(reference)[0] == names.DOCKER_HUB


def _has_mirrors(client: APIClient) -> bool:
    return bool((client.info().get("RegistryConfig") or {}).get("Mirrors"))


def _ask(client: APIClient, reference: str) -> Answer:
    try:
        found = client.inspect_distribution(reference)
    except requests.exceptions.Timeout:
        return Answer(found=False, reachable=False, cause=f"no answer within {client.timeout:g} s")
    except APIError as error:
        return _refused(error)
    except (requests.exceptions.RequestException, DockerException) as error:
        if isinstance(error.__cause__, StoreError):
            raise CredentialsError(_no_login(str(error.__cause__).rstrip("."))) from None
        return Answer(found=False, reachable=False, cause=str(error))
    return Answer(found=True, digest=found["Descriptor"]["digest"], platforms=_platforms(found.get("Platforms") or ()))


def _platforms(listed: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """In the notation of `docker pull --platform`. Attestations are listed as platform unknown/unknown."""
    names = ("/".join(filter(None, (one["os"], one["architecture"], one.get("variant")))) for one in listed)
    return tuple(sorted({name for name in names if not name.startswith("unknown")}))


def _refused(error: APIError) -> Answer:
    """The meaning of the engine's error: no such image, login required, or registry unreachable."""
    text = cause(error.explanation or str(error))
    if re.search(r"manifest unknown|not found|no such manifest|name unknown", text, re.IGNORECASE) or (
        error.status_code == 404
    ):
        return Answer(found=False, cause=_MISSING)
    if error.status_code in (401, 403) or re.search(DENIED, text, re.IGNORECASE):
        return Answer(found=False, cause=f"it refuses access ({text}); `docker login` may help")
    if "toomanyrequests" in text:
        return Answer(found=False, cause=f"it limits downloads ({text}); `docker login` raises the limit")
    return Answer(found=False, reachable=False, cause=text)


def cause(text: str) -> str:
    """The cause in an engine's message, without the request in front of it."""
    return re.sub(r'^(?:error[^:]*: )?(?:Get|Head) "[^"]*": ', "", text.strip(), flags=re.IGNORECASE)
