"""What the gateway, and a container that writes many log lines, cost a request."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import requests

from bench.report import Figure
from bench.subject import EVERYTHING, Bench
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE, LOG_LABELS

SECONDS = 30
PAUSE_SECONDS = 0.05
TIMEOUT = 30
# 200 lines a second, for longer than it is measured.
CHATTER = "for n in {1..900}; do for m in {1..20}; do echo chatter $n $m; done; sleep 0.1; done"


def log_load(bench: Bench) -> Iterator[Figure]:
    """How much longer a request through the gateway takes while 200 lines a second are collected."""
    bench.need(EVERYTHING)
    direct, quiet = _median(bench, "product"), _median(bench, "gateway")
    client, name = bench.lab.client, f"{bench.lab.instance}-chatter"
    container = client.create_container(
        bench.lab.inspect("postgres")["Image"],
        ["-c", CHATTER],
        entrypoint=["bash"],
        name=name,
        labels={LABEL_INSTANCE: bench.lab.instance, LABEL_COMPONENT: "chatter", "cloudlab.container": name},
        host_config=client.create_host_config(log_config={"Type": "json-file", "Config": {"labels": LOG_LABELS}}),
    )
    client.start(container)
    try:
        busy = _median(bench, "gateway")
    finally:
        client.remove_container(container, force=True)
    yield Figure("request-quiet", "a request through the gateway: median", "s", (quiet,))
    yield Figure("request-direct", "the same request sent to its service: median", "s", (direct,))
    what = "the same through the gateway with 200 log lines a second, relative to it"
    yield Figure("request-log-load", what, "ratio", (busy / quiet,), 1.5)


def _median(bench: Bench, component: str) -> float:
    """Median duration in seconds of the requests to the component that are made within SECONDS."""
    address = f"http://127.0.0.1:{bench.lab.port(component, 'http')}/api/v1/categories"
    taken, ends = [], time.monotonic() + SECONDS
    while time.monotonic() < ends:
        begun = time.monotonic()
        requests.get(address, timeout=TIMEOUT).raise_for_status()
        taken.append(time.monotonic() - begun)
        time.sleep(PAUSE_SECONDS)
    return statistics.median(taken)
