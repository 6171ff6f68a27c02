"""A life from stop to reset, in order: each test goes on where the one before it ended."""

import pytest
from probes import PROBES

CHOSEN = ("kafka", "postgres", "redis")
RUNNING = {"kafka", "zookeeper", "postgres", "redis"}
VOLUMES = {"kafka-data", "zookeeper-data", "zookeeper-log", "postgres-data", "redis-data"}
# Ended by itself, after SIGTERM; a Java program reports the signal.
CLEAN = (0, 143)
LABELS = {"cloudlab.test": "foreign"}


@pytest.fixture(scope="module", autouse=True)
def foreign(lab):
    """A container, a network and a volume of somebody else, named like ours; they must outlive everything."""
    name = f"{lab.instance}-foreign"
    image = lab.inspect("redis")["Image"]
    lab.client.create_container(image, name=name, labels=LABELS)
    lab.client.create_network(name, labels=LABELS)
    lab.client.create_volume(name, labels=LABELS)
    yield
    lab.client.inspect_container(name)
    lab.client.remove_container(name)
    lab.client.remove_network(name)
    lab.client.remove_volume(name)


def reset(lab, *, status=0, confirm=True, **settings):
    words = [f"{key}={value}" for key, value in settings.items()] + (["confirm=yes"] if confirm else [])
    return lab.playbook("reset", "--extra-vars", " ".join(words), status=status)


def test_stop_ends_everything_cleanly_and_in_order(lab):
    for store in CHOSEN:
        PROBES[store].write(lab)
    lab.playbook("stop")
    states = {name: item["State"] for name, item in lab.containers().items()}
    assert states.keys() == RUNNING
    assert not any(state["Running"] for state in states.values())
    assert {state["ExitCode"] for state in states.values()} <= set(CLEAN), states
    # A broker that leaves needs ZooKeeper to say so.
    assert states["kafka"]["FinishedAt"] < states["zookeeper"]["FinishedAt"]


def test_stopping_what_is_stopped_changes_nothing(lab):
    assert lab.playbook("stop").changed == 0


def test_converge_starts_it_with_its_data(lab):
    before = {name: life[0] for name, life in lab.identities().items()}
    lab.converge(*CHOSEN)
    assert {name: life[0] for name, life in lab.identities().items()} == before
    for store in CHOSEN:
        assert PROBES[store].read(lab) == PROBES[store].expected


def test_reset_without_a_yes_removes_nothing(lab):
    before = lab.identities()
    run = reset(lab, level="everything", confirm=False, status=None)
    assert run.status != 0
    text = " ".join(run.output.split())
    assert "Nothing was removed" in text
    assert all(f"{lab.instance}-{name}" in text for name in RUNNING | VOLUMES)
    assert lab.identities() == before
    assert lab.volumes() == VOLUMES


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"level": "all"}, "component, data, everything"),
        ({"level": "data", "components": "postgers"}, "Did you mean postgres?"),
        ({"level": "data"}, "components"),
        ({}, "component, data, everything"),
    ],
    ids=["unknown level", "unknown component", "no component", "no level"],
)
def test_reset_refuses_what_it_does_not_understand(lab, settings, named):
    before = lab.identities()
    run = reset(lab, status=None, **settings)
    assert run.status != 0
    assert named in " ".join(run.output.split())
    assert lab.identities() == before


def test_reset_of_a_component_keeps_its_data(lab):
    reset(lab, level="component", components="postgres")
    assert lab.containers().keys() == RUNNING - {"postgres"}
    assert lab.volumes() == VOLUMES
    lab.converge("postgres")
    assert PROBES["postgres"].read(lab) == PROBES["postgres"].expected


def test_reset_of_data_takes_only_what_was_named(lab):
    reset(lab, level="data", components="redis")
    assert lab.containers().keys() == RUNNING - {"redis"}
    assert lab.volumes() == VOLUMES - {"redis-data"}
    lab.converge("redis")
    assert PROBES["redis"].read(lab) is None
    assert PROBES["postgres"].read(lab) == PROBES["postgres"].expected


def test_reset_of_everything_leaves_nothing_of_ours(lab):
    reset(lab, level="everything")
    assert (lab.containers(), lab.networks(), lab.volumes()) == ({}, set(), set())
    assert not lab.directory.exists()


def test_reset_of_nothing_changes_nothing(lab):
    assert reset(lab, level="everything").changed == 0


def test_check_mode_on_an_empty_engine_says_what_it_would_do(lab):
    assert lab.playbook("dev", "--check", "--diff").changed > 0
    assert (lab.containers(), lab.networks(), lab.volumes()) == ({}, set(), set())
