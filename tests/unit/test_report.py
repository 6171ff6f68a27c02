"""The rows and the table of the report."""

import pytest

from cloudlab.lifecycle import report

ENVIRONMENT = {
    "complete": True,
    "unavailable": {},
    "chosen": ["db", "worker"],
    "components": {
        "db": {
            "summary": "Database",
            "kind": "store",
            "container": "lab-db",
            "ports": {"sql": {"container": 5432, "host": 6432}, "admin": {"container": 80, "host": 8000}},
            "image": {"reference": "cloudlab/db:1"},
            "memory": "512m",
        },
        "worker": {"summary": "", "kind": "service", "container": "lab-worker", "ports": {}, "memory": ""},
    },
}
MEBIBYTE = 2**20
ACCESS = {"db": {"user": "me", "password": "p@ss/w", "url": "sql://{user}:{password}@{host}:{port}/x"}}


def listed(name, state="running", status="Up 2 minutes (healthy)"):
    return {"Names": [f"/{name}"], "State": state, "Status": status}


def test_a_row_has_address_and_credentials():
    row = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db")], {"lab-db": 3 * MEBIBYTE})[0]
    assert row["state"] == "healthy"
    assert row["address"] == "127.0.0.1:6432, 127.0.0.1:8000"
    assert row["url"] == "sql://me:p%40ss%2Fw@127.0.0.1:6432/x"
    assert (row["user"], row["password"]) == ("me", "p@ss/w")
    assert (row["image"], row["source"]) == ("cloudlab/db:1", "packages")
    assert row["memory"] == {"used": 3 * MEBIBYTE, "limit": 512 * MEBIBYTE}


@pytest.mark.parametrize(
    ("ports", "url"),
    [
        ({"http": 8000, "smtp": 25}, "http://127.0.0.1:8000"),
        ({"broker": 9092}, "127.0.0.1:9092"),
        ({}, ""),
    ],
)
@pytest.mark.parametrize("known", [{}, {"db": {"user": "me"}}])
def test_a_component_has_a_url_by_default(ports, url, known):
    entry = {**ENVIRONMENT["components"]["db"], "ports": {name: {"host": port} for name, port in ports.items()}}
    environment = {**ENVIRONMENT, "chosen": ["db"], "components": {"db": entry}}
    assert [row["url"] for row in report.rows(environment, known, [], {})] == [url]
    assert [row["url"] for row in report.static_rows(environment, known, {})] == [url]


def test_static_rows_have_no_password_and_no_state():
    views = {"logs": {"of": "db", "url": "{url}?{component}"}}
    [row, worker] = report.static_rows(ENVIRONMENT, ACCESS, views)
    assert (row["url"], row["password"], row["user"]) == ("sql://me@127.0.0.1:6432/x", "", "me")
    assert {row["state"], worker["state"]} == {"unknown"}
    # Views are shown once their component runs.
    assert worker["views"] == {"logs": "sql://me@127.0.0.1:6432/x?worker"}
    assert [row["component"] for row in report.static_rows(ENVIRONMENT, ACCESS, {}, ["worker"])] == ["db"]


def test_static_rows_have_no_limit_that_env_sets():
    set_later = {**ENVIRONMENT["components"]["db"], "memory_setting": "db_memory"}
    environment = {**ENVIRONMENT, "components": {**ENVIRONMENT["components"], "db": set_later}}
    assert report.static_rows(environment, ACCESS, {})[0]["memory"] == {"used": None, "limit": None}
    assert report.static_rows(ENVIRONMENT, ACCESS, {})[0]["memory"]["limit"] == 512 * MEBIBYTE


@pytest.mark.parametrize(
    ("used", "image"),
    [("cloudlab/lab-db:2", "cloudlab/lab-db:2"), ("sha256:0123", "cloudlab/db:1"), ("", "cloudlab/db:1")],
)
def test_the_image_is_that_of_the_container(used, image):
    row = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db") | {"Image": used}], {})[0]
    assert row["image"] == image


def test_an_image_that_is_not_built_comes_from_a_registry():
    running = [listed("lab-worker") | {"Image": "docker.io/library/worker:1"}]
    [_, worker] = report.rows(ENVIRONMENT, ACCESS, running, {})
    assert (worker["image"], worker["source"]) == ("docker.io/library/worker:1", "registry")


@pytest.mark.parametrize(
    ("container", "word"),
    [
        (None, "absent"),
        (listed("x"), "healthy"),
        (listed("x", status="Up 1 second (health: starting)"), "starting"),
        (listed("x", status="Up 1 hour (unhealthy)"), "unhealthy"),
        (listed("x", status="Up 1 hour"), "running"),
        (listed("x", "paused", "Up 1 hour (Paused)"), "paused"),
        (listed("x", "exited", "Exited (137) 1 second ago"), "exited"),
    ],
)
def test_state(container, word):
    assert report.state(container) == word


def test_the_table_is_aligned_and_lists_unavailable_components():
    rows = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db")], {"lab-db": 3 * MEBIBYTE})
    lines = report.table(rows, {"kibana": "no registry answers"}).splitlines()
    assert lines[0].startswith("component  state    address")
    assert lines[2].startswith("db         healthy  127.0.0.1:6432, 127.0.0.1:8000  me")
    assert lines[2].endswith("cloudlab/db:1  packages  3 MiB of 512 MiB")
    assert lines[3] == "worker     absent"
    assert lines[-2:] == ["Unavailable:", "  kibana: no registry answers"]


def test_rows_of_other_components_are_kept():
    earlier = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db"), listed("lab-worker")], {})
    found = [row for row in earlier if row["component"] == "worker"]
    stopped = [listed("lab-db", "exited", "Exited (0) 1 second ago"), listed("lab-worker")]
    kept = report.others(earlier, found, stopped, {})
    assert [(row["component"], row["state"], row["password"]) for row in kept] == [("db", "exited", "p@ss/w")]
    assert kept[0]["memory"] == {"used": None, "limit": 512 * MEBIBYTE}
    assert report.others(earlier, found, [listed("lab-worker")], {}) == []


def test_rows_of_an_earlier_version_are_dropped():
    earlier = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db"), listed("lab-worker")], {})
    found = [row for row in earlier if row["component"] == "worker"]
    older = [{key: value for key, value in row.items() if key != "memory"} for row in earlier]
    assert report.others(older, found, [listed("lab-db"), listed("lab-worker")], {}) == []
    newer = [row | {"views": {}} for row in earlier]
    assert len(report.others(newer, found, [listed("lab-db"), listed("lab-worker")], {})) == 1


def test_memory_without_a_measurement_shows_the_limit():
    table = report.table(report.rows(ENVIRONMENT, ACCESS, [listed("lab-db")], {}), {})
    assert table.splitlines()[2].endswith("packages  up to 512 MiB")


VIEWS = {
    "logs": {"of": "db", "url": "{url}?component={component}"},
    "traces": {"of": "db", "kinds": ["service"], "url": "{url}/traces"},
    "data": {"of": "db", "components": ["db"], "url": "{url}/data"},
    "metrics": {"of": "gone", "url": "{url}"},
}


def test_views_require_a_running_component_and_a_matching_kind_and_name():
    rows = report.rows(ENVIRONMENT, {"db": {"url": "http://{host}:{port}"}}, [listed("lab-db")], {})
    db, worker = report.with_views(rows, VIEWS)
    assert db["views"] == {"logs": "http://127.0.0.1:6432?component=db", "data": "http://127.0.0.1:6432/data"}
    assert worker["views"].keys() == {"logs", "traces"}
    stopped = report.with_views(report.rows(ENVIRONMENT, {}, [], {}), VIEWS)
    assert [row["views"] for row in stopped] == [{}, {}]


@pytest.mark.parametrize(
    ("found", "complete", "components", "expected"),
    [
        ({"kibana": "new"}, True, {}, {"kibana": "new"}),
        # A play that provides no images.
        ({}, True, {"kibana": {}}, {"kibana": "old"}),
        # It has become available.
        ({}, True, {"kibana": {"image": {}}}, {}),
        # Another profile without it, and a run of other components.
        ({}, True, {}, {}),
        ({}, False, {}, {"kibana": "old"}),
    ],
)
def test_the_reason_of_an_unavailable_component_is_kept(found, complete, components, expected):
    environment = {"unavailable": found, "complete": complete, "components": components}
    assert report.unavailable(environment, {"kibana": "old"}) == expected


def test_the_address_of_the_dashboard():
    rows = report.rows(ENVIRONMENT, {"db": {"url": "http://{host}:{port}"}}, [listed("lab-db")], {})
    assert report.address(rows, "db") == "http://127.0.0.1:6432"
    assert report.address(rows, "worker") == ""


def test_a_failed_component_is_shown_as_failed():
    found = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db"), listed("lab-worker")], {}, failed=["db"])
    assert [row["state"] for row in found] == ["failed", "healthy"]


def test_the_failure_message_has_the_last_log_lines():
    text = report.failure_message({"worker": "crashed 3 times\npanic: no", "db": "it is paused"})
    assert text.splitlines() == [
        "The environment is incomplete: 2 components failed.",
        "  - db: it is paused",
        "  - worker: crashed 3 times",
        "      panic: no",
    ]
