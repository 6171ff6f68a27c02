"""What a failed pull says: the cause in the engine's words, and a fix that suits it."""

import io

import pytest

from cloudlab import engine
from cloudlab.images import pull

REFERENCE = "docker.io/library/redis:8"


class Engine(engine.Client):
    """An engine; `pulls` has the events of each pull."""

    def __init__(self, *pulls):
        super().__init__(base_url="tcp://127.0.0.1:1", version="1.41")
        self._pulls = list(pulls)

    def call(self, *_, **__):
        return io.BytesIO()

    def documents(self, _):
        yield from self._pulls.pop(0)

    def inspect_image(self, _):
        return {"Id": "sha256:1"}


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses between attempts, which last no time."""
    taken = []
    monkeypatch.setattr(pull.time, "sleep", taken.append)
    return taken


def downloading(layer, current, total):
    return {"status": "Downloading", "id": layer, "progressDetail": {"current": current, "total": total}}


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
        pull.pull(Engine(*[[{"error": error}]] * pull.ATTEMPTS), REFERENCE, 60, lambda _: None)
    assert str(caught.value).startswith(f"{REFERENCE} could not be pulled from docker.io: {error}. Fix: {fix}")


def test_progress_is_the_sum_of_all_layers_in_bytes():
    said = []
    events = [downloading("a", 2e6, 10e6), downloading("b", 5e6, 30e6), {"status": "Download complete", "id": "a"}]
    pull.pull(Engine(events), REFERENCE, 60, said.append)
    assert said == ["2 of 10 MB", "7 of 40 MB", "15 of 40 MB"]


def test_a_layer_that_the_engine_resumes_is_reported():
    said = []
    events = [downloading("a", 2e6, 10e6), {"status": "Retrying in 5 seconds", "id": "a"}]
    pull.pull(Engine(events), REFERENCE, 60, said.append)
    assert said[-1] == "2 of 10 MB, connection lost, retrying in 5 seconds"


def test_a_broken_connection_is_retried_after_growing_pauses(pauses):
    said = []
    broken = [downloading("a", 2e6, 10e6), {"error": "unexpected EOF"}]
    assert pull.pull(Engine(broken, broken, []), REFERENCE, 60, said.append) == "sha256:1"
    assert said[1] == "attempt 2 of 3 (unexpected EOF (2 of 10 MB received))"
    assert pauses == [2, 4]


def test_a_full_disk_is_not_retried_and_says_how_much_was_received(pauses):
    full = [downloading("a", 2e6, 10e6), {"error": "write /x: no space left on device"}]
    with pytest.raises(pull.PullError, match=r"no space left on device \(2 of 10 MB received\)\. Fix: free disk space"):
        pull.pull(Engine(full), REFERENCE, 60, lambda _: None)
    assert pauses == []
