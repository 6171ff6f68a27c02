"""One order, found again in every search."""

from lab import wait_until

HOPS = {"gateway", "order", "product", "inventory", "payment", "notification", "user"}


def test_its_request_id_finds_a_line_of_every_hop(logs, order):
    def found():
        return {row["component"] for row in logs.find(f'request_id:="{order["request"]}"')}

    wait_until(lambda: found() >= HOPS, f"lines of {HOPS}", 30)


def test_a_line_leads_to_the_trace_and_back(logs, order):
    [row, *_] = logs.find(f'request_id:="{order["request"]}" component:order')
    assert row["trace_id"] == order["trace"]
    assert row["trace"].endswith(f"/zipkin/traces/{order['trace']}")
    assert logs.find(f"trace_id:{order['trace']} component:payment")


def test_lines_of_services_have_their_fields_and_others_stay_as_they_are(logs, order):
    [row, *_] = logs.find(f'request_id:="{order["request"]}" component:order _msg:=request')
    assert (row["level"], row["service"], row["container"]) == ("info", "order", row["container"])
    assert row["status"] in ("201", "202")
    plain = logs.find('component:postgres "database system is ready" | limit 1')
    assert plain, "no line of PostgreSQL"
    assert plain[0]["level"] == "info"


def test_it_is_one_trace(traces, order):
    """Spans of every kind, each hanging from the one that caused it."""
    wait_until(lambda: _complete(traces.find(order["trace"])), "the whole trace", 30)
    spans = traces.find(order["trace"])
    roots = [span for span in spans.values() if span.get("parentId") not in spans]
    assert {_service(span) for span in roots} == {"gateway"}, roots
    for child, parent in (
        ("order", "gateway"),
        ("product", "order"),
        ("inventory", "order"),
        ("payment", "order"),
    ):
        assert _hangs(spans, child, parent), f"no span of {child} below {parent}"
    consumed = [span for span in spans.values() if span["name"].startswith("consume ")]
    assert {_service(span) for span in consumed} >= {"notification"}
    for span in consumed:
        assert spans[span["parentId"]]["name"].startswith("publish "), span


def test_health_is_no_trace(traces):
    names = traces.get("/api/v2/spans", serviceName="order").json()
    assert names
    assert not [name for name in names if "healthz" in name or "readyz" in name or "livez" in name]


def test_who_calls_whom_is_known(traces):
    assert traces.dependencies() >= {("order", "payment"), ("order", "inventory"), ("order", "product")}


def _complete(spans):
    names = [span["name"] for span in spans.values()]
    kinds = ("sql ", "publish ", "consume ", "saga ")
    return all(any(name.startswith(kind) for name in names) for kind in kinds) and any(
        _service(span) == "notification" for span in spans.values()
    )


def _service(span):
    return span["localEndpoint"]["serviceName"]


def _hangs(spans, child, parent):
    """Whether a span of one service hangs, directly or not, from a span of another."""
    for span in spans.values():
        if _service(span) != child:
            continue
        while span := spans.get(span.get("parentId", "")):
            if _service(span) == parent:
                return True
    return False
