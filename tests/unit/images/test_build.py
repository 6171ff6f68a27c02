"""Messages about failed builds."""

from pathlib import Path

import pytest
import requests
import urllib3

from cloudlab.images import build, contexts

IMAGES = Path(__file__).resolve().parents[3] / "files" / "images"


class Engine:
    """Prints a line, and nothing more until the client's patience ends."""

    def build(self, **_):
        yield {"stream": "Step 1/2 : RUN make\n"}
        yield {"stream": "compiling\n"}
        silence = urllib3.exceptions.ReadTimeoutError(None, None, "Read timed out.")
        raise requests.exceptions.ConnectionError(silence)


def test_a_build_without_output_is_reported_with_its_last_lines(tmp_path):
    known = contexts.load(IMAGES, ["redis"])
    with pytest.raises(build.BuildError) as raised:
        build.Builder(Engine(), tmp_path, b"", {}).build(known["redis"], known, lambda _: None)
    message = str(raised.value)
    assert "printed nothing for 15 minutes" in message
    assert "compiling" in message
    assert "localhost" not in message
