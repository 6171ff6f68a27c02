"""The calculations of the benchmark: medians, goals, the table, the document, data of the kernel."""

import json
from pathlib import Path

import pytest
from bench import __main__ as program
from bench import host, processes, report, sides, timeline
from bench.measurements import MEASUREMENTS, OPTIONAL, remove_images
from bench.report import Figure
from bench.timeline import Span

FAST = Figure("second-run-wall", "second run", "s", (2.0, 9.0, 2.5), below=3)
SLOW = Figure("loop-stores-again", "loop", "s", (20.0, 30.0))
MISSING = Figure("kill-kafka", "kill -9", "s", below=25, note="cannot be seen from here")


# Figures


@pytest.mark.parametrize(("values", "middle"), [((), None), ((4,), 4), ((9, 1, 2), 2), ((1, 2, 4, 100), 3)])
def test_median(values, middle):
    assert report.median(values) == middle


@pytest.mark.parametrize(
    ("runs", "below", "met", "verdict"),
    [
        ((2.9,), 3, True, "met"),
        ((3.0,), 3, False, "missed"),
        ((1, 2, 100), 3, True, "met"),
        ((1,), None, None, ""),
        ((), 3, None, "not measured"),
        ((), None, None, "not measured"),
    ],
)
def test_a_goal_is_met_below_it_only(runs, below, met, verdict):
    figure = Figure("name", "what", "s", runs, below)
    assert (figure.met, figure.verdict) == (met, verdict)


def test_a_quotient_is_of_the_medians():
    found = report.quotient("ratio", "what", FAST, SLOW, 0.1)
    assert found.value == pytest.approx(2.5 / 25)
    assert found.verdict == "missed"


@pytest.mark.parametrize(("of", "to"), [(MISSING, FAST), (FAST, MISSING)])
def test_a_quotient_of_nothing_is_not_measured(of, to):
    found = report.quotient("ratio", "what", of, to, 0.1)
    assert (found.value, found.note) == (None, "kill-kafka was not measured")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.345, "s", "2.35 s"), (1_600_000_000, "bytes", "1600 MB"), (0.0812, "ratio", "0.081"), (0.255, "cpu", "25.5 %")],
)
def test_numbers_are_shown_in_readable_units(value, unit, text):
    assert report.shown(value, unit) == text


def test_the_table_is_aligned_and_shows_missed_goals():
    lines = report.table([FAST, SLOW, MISSING]).splitlines()
    assert lines == [
        "figure             value    goal       verdict       runs  what",
        "------             -----    ----       -------       ----  ----",
        "second-run-wall    2.50 s   < 3.00 s   met           3     second run",
        "loop-stores-again  25.00 s                           2     loop",
        "kill-kafka         -        < 25.00 s  not measured  0     kill -9",
        "kill-kafka: cannot be seen from here",
    ]


def test_the_document_has_base_units_and_all_runs():
    document = json.loads(json.dumps(report.document([FAST, MISSING], {"date": "2026-01-01"})))
    assert (document["format"], document["date"]) == (1, "2026-01-01")
    fast, missing = document["figures"]
    assert fast == {
        "name": "second-run-wall",
        "what": "second run",
        "unit": "s",
        "value": 2.5,
        "runs": [2.0, 9.0, 2.5],
        "goal": 3,
        "met": True,
        "note": "",
    }
    assert (missing["value"], missing["met"], missing["runs"]) == (None, None, [])


# The machine


def test_shares_of_the_processors():
    before = host.ticks("cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 1 2 3\n")
    after = host.ticks("cpu  120 10 110 1030 10 0 0 20 0 0\ncpu0 1 2 3\n")
    assert host.busy(before, after) == host.Busy(used=0.4, stolen=0.2)


def test_no_time_has_passed():
    now = host.ticks("cpu  1 1 1 1 1 1 1 1")
    assert host.busy(now, now) == host.Busy(0, 0)


def test_unknown_values_are_left_out():
    assert host.in_words("start", {"load": 1.25, "used": None, "stolen": None}) == "start: load 1.2"
    words = host.in_words("end", {"load": 9.0, "used": 0.5, "stolen": 0.25})
    assert words == "end: load 9.0, processors 50% used and 25% stolen"


# What the engine's processes use


def test_processor_time_of_a_process_counts_its_ended_children():
    text = "77 (a (strange) name) S 5 1 1 0 -1 0 0 0 0 0 100 20 3 2 20 0 1 0 999 0"
    assert processes.stat_seconds(text, 100) == 1.25
    assert processes.parent(text) == 5


def test_the_engines_processes(tmp_path):
    def process(number, name, parent):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "comm").write_text(f"{name}\n")
        (tmp_path / str(number) / "stat").write_text(f"{number} ({name}) S {parent} " + "0 " * 9 + "10 0 0 0 0 0")

    process(1, "systemd", 0)
    process(10, "dockerd", 1)
    process(11, "containerd", 10)
    process(20, "containerd-shim", 1)
    process(21, "docker-init", 20)
    process(30, "containerd-shim", 1)
    assert processes.engine_processes([21, 999], tmp_path) == {10, 11, 20}
    assert processes.seconds_of({10, 11, 999}, tmp_path) > 0
    assert processes.engine_processes([], tmp_path / "none") == set()


# The comparison

STORE = {
    "name": "test-bench-kafka",
    "component": "kafka",
    "image": "cloudlab/kafka:1",
    "entrypoint": ["kafka-server-start"],
    "command": ["/etc/kafka/server.properties"],
    "needs": ["zookeeper"],
    "networks": [{"name": "test-bench-backend", "aliases": ["kafka"]}],
    "published_ports": ["127.0.0.1:34092:9092/tcp"],
    "mounts": [
        {"type": "volume", "source": "test-bench-kafka-data", "target": "/var/lib/kafka/data"},
        {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "64m", "tmpfs_mode": "1777", "tmpfs_options": ["exec"]},
    ],
    "files": [{"src": "server.properties.j2", "target": "/etc/kafka/server.properties", "mode": "0444"}],
    "healthcheck": {"test": ["CMD", "true"], "interval": "10s", "start_interval": "1s", "fallback_interval": "2s"},
    "memory": "1g",
}
OWNERS = {"action": "test-bench-action", "loop": "test-bench-loop"}


def test_each_side_has_its_own_names_and_ports():
    [store] = sides.side([STORE], "stores", OWNERS["loop"])
    assert (store["name"], store["component"], store["needs"]) == ("test-bench-loop-kafka", "kafka", ["zookeeper"])
    assert store["networks"] == [{"name": "test-bench-loop-backend", "aliases": ["kafka"]}]
    assert store["published_ports"] == ["127.0.0.1:34592:9092/tcp"]
    assert store["mounts"][0]["source"] == "test-bench-loop-kafka-data"
    assert Path(store["files"][0]["src"]).is_file()
    assert store["memory"] == "1g"


def test_copies_have_different_names_and_ports():
    both = [store for owner in OWNERS.values() for store in sides.side([STORE], "many", owner)]
    assert len(both) == 2 * sides.MANY
    assert all(store["entrypoint"] == ["sleep"] for store in both)
    for key in ("name", "published_ports", "mounts"):
        assert len({json.dumps(store[key]) for store in both}) == len(both)
    assert both[1]["needs"] == ["zookeeper-2"]


@pytest.mark.parametrize(("api", "interval"), [("1.41", "2s"), ("1.45", "10s")])
def test_the_loop_makes_the_same_container(api, interval):
    action, loop = (sides.side([STORE], "stores", owner) for owner in OWNERS.values())
    [found] = sides.as_docker_container(loop, action, OWNERS, "/state", api)
    assert not found.keys() & {"component", "needs", "files"}
    assert found["tmpfs"] == ["/tmp:exec,size=64m,mode=1777"]
    assert found["mounts"][1:] == [
        {
            "type": "bind",
            "source": "/state/config/kafka/server.properties",
            "target": "/etc/kafka/server.properties",
            "read_only": True,
        }
    ]
    assert found["mounts"][0]["labels"] == found["labels"] == {"cloudlab.instance": "test-bench-loop"}
    assert found["healthcheck"]["interval"] == interval
    assert ("start_interval" in found["healthcheck"]) == (api == "1.45")
    assert "fallback_interval" not in found["healthcheck"]


def test_an_empty_command_is_left_out():
    action, loop = (sides.side([{**STORE, "command": []}], "stores", owner) for owner in OWNERS.values())
    [found] = sides.as_docker_container(loop, action, OWNERS, "/state", "1.41")
    assert "command" not in found


# The program


def test_images_are_built_only_when_asked_for():
    assert program.arguments([]).only == [name for name in MEASUREMENTS if name not in OPTIONAL]
    assert program.arguments(["--images"]).only == list(MEASUREMENTS)
    assert program.arguments(["--only", "tenth", "--only", "idle"]).only == ["idle", "tenth"]


@pytest.mark.parametrize("given", [["--runs", "0"], ["--runs", "many"], ["--only", "everything"], ["nonsense"]])
def test_an_invalid_command_line_is_rejected(given, capsys):
    with pytest.raises(SystemExit) as ended:
        program.arguments(given)
    assert ended.value.code == 2
    assert "ERROR:" in capsys.readouterr().err


def test_the_users_settings_are_not_used():
    found = program.environment({"POSTGRES_PORT": "1", "CLOUDLAB_INSTANCE": "mine", "HOME": "/root"})
    assert found == {
        "HOME": "/root",
        "CLOUDLAB_ENV_FILE": "",
        "CLOUDLAB_INSTANCE": "test-bench",
        "PORT_OFFSET": "25000",
    }


def test_child_images_are_removed_first():
    removed = []

    class Engine:
        def remove_image(self, reference, force):
            removed.append((reference, force))

    remove_images(Engine(), ["cloudlab/base:1", "cloudlab/redis:1"])
    assert removed == [("cloudlab/redis:1", True), ("cloudlab/base:1", True)]


# Where the time of a start goes


def event(component, status, seconds):
    attributes = {"cloudlab.component": component, "cloudlab.instance": "test-bench"}
    return {"status": status, "timeNano": int((100 + seconds) * 1e9), "Actor": {"Attributes": attributes}}


EVENTS = [
    event("kafka", "start", 1),
    event("redis", "start", 2),
    event("redis", "health_status: healthy", 4),
    event("kafka", "health_status: unhealthy", 6),
    event("kafka", "health_status: healthy", 11),
    event("redis", "start", 12),
    event("order", "start", 12),
]


def test_the_first_start_and_the_first_health_count():
    assert timeline.spans(EVENTS, 100) == [Span("kafka", 1, 11), Span("redis", 2, 4), Span("order", 12, None)]


def test_the_chart_has_a_bar_from_start_to_health():
    heading, kafka, redis, order = timeline.chart(
        [Span("kafka", 0, 12), Span("redis", 6, 9), Span("order", 6, None)]
    ).splitlines()
    assert heading.split() == ["0", "s", "12", "s"]
    assert kafka == f"kafka  {'█' * 60}  12.0 s"
    assert redis == f"redis  {' ' * 30}{'█' * 15}{' ' * 15}  3.0 s"
    assert order.endswith("?  never healthy")


def test_the_chart_of_nothing_is_empty():
    assert timeline.chart([]) == ""
