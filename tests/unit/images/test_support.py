"""docs/versions.md: every pinned version is listed, and none is out of support."""

import datetime
import re

import pytest

from cloudlab.model import catalogue, settings

DOCUMENT = (settings.ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\S+)` \| (\S+) \| (\d{4}-\d\d-\d\d)(?: \*review\*)? \| (\S.*) \|$", DOCUMENT, re.MULTILINE)
PINNED = catalogue.committed()["images"]


def test_every_image_has_a_row():
    assert sorted(image for image, *_ in ROWS) == sorted(PINNED)


@pytest.mark.parametrize(("image", "line", "until", "source"), ROWS, ids=[image for image, *_ in ROWS])
def test_the_pinned_version_is_supported(image, line, until, source):
    assert re.match(rf"{re.escape(line)}(?![\d])", PINNED[image]["tag"]), f"docs/versions.md lists {line}"
    assert datetime.date.fromisoformat(until) >= datetime.date.today(), (
        f"{image} {line}: raise its tag in group_vars/all/catalogue.yml and update docs/versions.md. Source: {source}"
    )


@pytest.mark.parametrize("image", [image for image, entry in PINNED.items() if "context" not in entry])
def test_an_image_without_a_package_is_listed_as_missing(image):
    [names] = re.findall(r"^\| (.+) \| none \|", DOCUMENT, re.MULTILINE)
    assert f"`{image}`" in names


def test_the_version_of_victorialogs_that_is_built_is_listed():
    module = (settings.ROOT / "files/images/victoria/logs/go.mod").read_text(encoding="utf-8")
    [built] = re.findall(r"VictoriaMetrics/VictoriaLogs v(\d+\.\d+)", module)
    [listed] = re.findall(r"^\| `victorialogs` \| (\S+) instead of (?:\S+), ", DOCUMENT, re.MULTILINE)
    assert listed == built
