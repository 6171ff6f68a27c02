"""What the table says of each component."""

import pytest

from cloudlab import report

ENVIRONMENT = {
    "chosen": ["db", "worker"],
    "components": {
        "db": {
            "summary": "Database",
            "kind": "store",
            "container": "lab-db",
            "ports": {"sql": {"container": 5432, "host": 6432}, "admin": {"container": 80, "host": 8000}},
            "image": {"reference": "db:1", "source": "registry"},
            "memory": "512m",
        },
        "worker": {"summary": "", "kind": "service", "container": "lab-worker", "ports": {}, "memory": ""},
    },
}
ACCESS = {"db": {"user": "me", "password": "p@ss/w", "url": "sql://{user}:{password}@{host}:{port}/x"}}


def listed(name, state="running", status="Up 2 minutes (healthy)"):
    return {"Names": [f"/{name}"], "State": state, "Status": status}


def test_a_row_has_everything_one_needs_to_get_in():
    row = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db")])[0]
    assert row["state"] == "healthy"
    assert row["address"] == "127.0.0.1:6432, 127.0.0.1:8000"
    assert row["url"] == "sql://me:p%40ss%2Fw@127.0.0.1:6432/x"
    assert (row["user"], row["password"]) == ("me", "p@ss/w")
    assert (row["image"], row["source"], row["memory limit"]) == ("db:1", "registry", "512 MiB")


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


def test_the_table_lines_up_and_names_what_was_skipped():
    rows = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db")])
    lines = report.table(rows, {"kibana": "no registry answers"}).splitlines()
    assert lines[0].startswith("component  state    address")
    assert lines[2].startswith("db         healthy  127.0.0.1:6432, 127.0.0.1:8000  me")
    assert lines[3] == "worker     absent"
    assert lines[-2:] == ["Not here:", "  kibana: no registry answers"]


def test_a_run_for_a_part_leaves_the_rest_on_the_page():
    earlier = report.rows(ENVIRONMENT, ACCESS, [listed("lab-db"), listed("lab-worker")])
    found = [row for row in earlier if row["component"] == "worker"]
    stopped = [listed("lab-db", "exited", "Exited (0) 1 second ago"), listed("lab-worker")]
    kept = report.others(earlier, found, stopped)
    assert [(row["component"], row["state"], row["password"]) for row in kept] == [("db", "exited", "p@ss/w")]
    assert report.others(earlier, found, [listed("lab-worker")]) == []
