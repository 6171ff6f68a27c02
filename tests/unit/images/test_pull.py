"""What a failed pull says: the cause in the engine's words, and a fix that suits it."""

import io

import pytest

from cloudlab import engine
from cloudlab.images import pull

REFERENCE = "docker.io/library/redis:8"


class Refusing(engine.Client):
    """An engine whose pulls end with an error event."""

    def __init__(self, error):
        super().__init__(base_url="tcp://127.0.0.1:1", version="1.41")
        self._error = error

    def call(self, *_, **__):
        return io.BytesIO()

    def documents(self, _):
        yield {"error": self._error}


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "free disk space of the engine"),
        ("toomanyrequests: You have reached your pull rate limit.", "log in with docker login, which raises the limit"),
        ("unauthorized: authentication required", "log in with docker login,"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "check the connection"),
    ],
)
def test_the_fix_suits_the_cause(error, fix):
    with pytest.raises(pull.PullError) as caught:
        pull.pull(Refusing(error), REFERENCE, 60, lambda _: None)
    assert str(caught.value).startswith(f"{REFERENCE} could not be pulled from docker.io: {error}. Fix: {fix}")
