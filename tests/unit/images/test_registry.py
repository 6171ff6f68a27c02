"""What registries answer about images, through engines with and without mirrors."""

import json

import pytest
import requests
from docker.errors import APIError

from cloudlab import engine
from cloudlab.images import registry
from cloudlab.images.registry import Answer

REDIS, KIBANA = "docker.io/library/redis:8", "docker.elastic.co/kibana/kibana:8"
DIGEST = "sha256:" + "1" * 64
MIRRORS = ["https://mirror.example/", "https://other.example/"]


class Client:
    """An engine's client; `has`: reference -> answer or error of GET /distribution."""

    timeout = 8

    def __init__(self, has, mirrors):
        self._has, self._mirrors = has, mirrors

    def info(self):
        return {"RegistryConfig": {"Mirrors": self._mirrors}}

    def inspect_distribution(self, reference):
        answer = self._has[reference]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def logins(tmp_path, monkeypatch):
    """A function that writes the config.json of the docker command, which is empty at first."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(**settings):
        (tmp_path / "config.json").write_text(json.dumps(settings))
        return tmp_path

    write()
    return write


def refused(status, text):
    response = requests.Response()
    response.status_code = status
    return APIError("", response=response, explanation=text)


def ask(has, api=(1, 41), mirrors=()):
    return registry.ask(engine.Engine(Client(has, list(mirrors)), "unix:///x", api, {}), list(has))


LACKS = refused(404, "manifest unknown: manifest unknown")
NO_SUCH = Answer(found=False, cause="it has no such image")


def test_an_image_has_a_digest_and_platforms():
    platforms = [
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    found = ask({REDIS: {"Descriptor": {"digest": DIGEST}, "Platforms": platforms}})[REDIS]
    assert found == Answer(found=True, digest=DIGEST, platforms=("linux/amd64", "linux/arm64/v8"))


@pytest.mark.parametrize(
    ("api", "mirrors", "found"),
    [((1, 41), MIRRORS, True), ((1, 41), [], False), ((1, 44), MIRRORS, False)],
)
def test_what_one_mirror_lacks_may_be_in_another(api, mirrors, found):
    """Old engines ask one mirror only, but pull from all, and from Docker Hub."""
    answer = ask({REDIS: LACKS}, api, mirrors)[REDIS]
    assert answer.found is found
    assert not answer.digest


def test_mirrors_serve_docker_hub_only():
    assert ask({KIBANA: LACKS}, mirrors=MIRRORS)[KIBANA] == NO_SUCH


def test_a_mirror_that_refuses_does_not_lack_the_image():
    limited = refused(500, "toomanyrequests: You have reached your pull rate limit")
    answer = ask({REDIS: limited}, mirrors=MIRRORS)[REDIS]
    assert not answer.found
    assert "it limits downloads" in answer.cause


def test_a_registry_that_does_not_answer_is_no_mirror_that_lacks_an_image():
    answer = ask({REDIS: requests.exceptions.ReadTimeout()}, mirrors=MIRRORS)[REDIS]
    assert answer == Answer(found=False, reachable=False, cause="no answer within 8 s")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (refused(403, "denied: requested access to the resource is denied"), "`docker login` may help"),
        (refused(500, "toomanyrequests: You have reached your pull rate limit"), "it limits downloads"),
    ],
)
def test_a_refusal_names_what_helps(error, cause):
    answer = ask({KIBANA: error})[KIBANA]
    assert not answer.found
    assert answer.reachable
    assert cause in answer.cause


FOUND = {"Descriptor": {"digest": DIGEST}}


@pytest.mark.parametrize(
    "settings", [{"credsStore": "desktop.exe"}, {"credHelpers": {"docker.elastic.co": "desktop.exe"}}]
)
def test_a_missing_credential_helper_is_an_error_with_a_fix(logins, settings):
    """It is no reason to build all images from packages."""
    logins(**settings)
    with pytest.raises(registry.CredentialsError) as caught:
        ask({KIBANA: FOUND})
    assert str(caught.value) == (
        "The registry login of ~/.docker/config.json cannot be read: docker-credential-desktop.exe is not installed. "
        "Install or unlock the credential helper, or remove credsStore and credHelpers from the file; public images "
        "need no login."
    )


def test_helpers_of_other_registries_are_not_needed(logins):
    logins(credHelpers={"private.example": "absent"})
    assert ask({KIBANA: FOUND})[KIBANA].found


def test_a_credential_helper_that_fails_is_an_error_too(logins):
    helper = logins(credsStore="locked") / "docker-credential-locked"
    helper.write_text("#!/bin/sh\necho the keychain is locked\nexit 1\n")
    helper.chmod(0o755)
    client = engine.Client(base_url="tcp://127.0.0.1:1", version="1.41")
    with pytest.raises(registry.CredentialsError, match=r"cannot be read: .*the keychain is locked"):
        registry.ask(engine.Engine(client, "unix:///x", (1, 41), {}), [KIBANA])
