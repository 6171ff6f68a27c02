"""What is written while the collector dies arrives, once."""

import collections
import contextlib

import pytest
from docker.errors import NotFound
from lab import wait_until

from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE, LOG_LABELS

LINES = 10000
NAME = "talker"


@pytest.fixture
def talker(lab):
    """Makes a container of this instance that runs a command."""
    made = f"{lab.instance}-{NAME}"

    def make(*command, instance=lab.instance, component=NAME):
        remove()
        host = lab.client.create_host_config(
            log_config={"Type": "json-file", "Config": {"max-size": "500k", "max-file": "3", "labels": LOG_LABELS}}
        )
        labels = {LABEL_INSTANCE: instance, LABEL_COMPONENT: component, "cloudlab.container": made}
        image = lab.inspect("postgres")["Image"]
        lab.client.create_container(
            image, ["-c", *command], entrypoint=["bash"], name=made, labels=labels, host_config=host
        )
        lab.client.start(made)

    def remove():
        with contextlib.suppress(NotFound):
            lab.client.remove_container(made, force=True)

    yield make
    remove()


def test_lines_written_while_it_is_killed_arrive_exactly_once(lab, logs, talker):
    """The file is rotated several times meanwhile."""
    talker(f"for n in $(seq {LINES}); do echo counted $n; sleep 0.0005; done; echo over; sleep 600")
    for count in (1500, 3000):
        wait_until(lambda: len(_numbers(logs)) >= count, f"{count} lines", 60)  # noqa: B023 - asked at once
        lab.client.kill(lab.container("otel-collector"))
        lab.client.start(lab.container("otel-collector"))
    wait_until(lambda: logs.find(f"component:{NAME} _msg:=over"), "the last line", 90)
    numbers = _numbers(logs)
    twice = [number for number, times in collections.Counter(numbers).items() if times > 1]
    assert not twice, f"{len(twice)} lines arrived more than once: {twice[:5]}"
    assert set(numbers) == set(range(1, LINES + 1)), f"{LINES - len(set(numbers))} lines are missing"


def test_logs_of_a_recreated_container_continue(lab, logs, talker):
    for life in ("first", "second"):
        talker(f"echo {life} life; sleep 600", component="reborn")
        wait_until(lambda: logs.find(f'component:reborn "{life} life"'), f"its {life} life", 20)  # noqa: B023


def test_a_stack_trace_is_one_entry(lab, logs, talker):
    talker(
        r"printf 'java.lang.Boom: x\n\tat a.b(c.java:1)\nCaused by: y\n\tat z\n'; echo after; sleep 600",
        component="java",
    )
    wait_until(lambda: logs.find("component:java after"), "the line after it", 20)
    entries = [row["_msg"] for row in logs.find('component:java "java.lang.Boom"')]
    assert entries == ["java.lang.Boom: x\n\tat a.b(c.java:1)\nCaused by: y\n\tat z"]


def test_a_field_that_identifies_the_stream_has_one_value(lab, logs, talker):
    """VictoriaLogs 1.52 does not start with a second one."""
    talker("""echo '{"msg":"which one","component":"mine","container":"own"}'; sleep 600""")
    wait_until(lambda: logs.find(f'component:{NAME} _msg:="which one"'), "the line", 20)
    lab.client.restart(lab.container("victorialogs"))
    lab.wait_until_healthy("victorialogs")
    [row] = logs.find(f'component:{NAME} _msg:="which one"')
    assert (row["container"], row["line.component"], row["line.container"]) == (f"{lab.instance}-{NAME}", "mine", "own")


def test_other_instances_are_not_read(lab, logs, talker):
    talker("echo nobody asked; sleep 600", instance="test-somebody-else", component="foreign")
    talker_lines = logs.find('"nobody asked"')
    assert not talker_lines


def test_each_component_has_a_file(lab):
    file = lab.directory / "logs" / "components" / "order.log"
    assert '"service":"order"' in file.read_text(encoding="utf-8")


def _numbers(logs):
    rows = logs.find(f"component:{NAME} counted | fields _msg")
    return [int(row["_msg"].split()[1]) for row in rows]
