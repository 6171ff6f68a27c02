"""Converging what is converged changes nothing, and does not claim to."""

STORES = {"postgres", "redis", "clickhouse", "elasticsearch", "zookeeper", "kafka"}


def test_every_store_runs_and_is_healthy(lab):
    assert {name for name in STORES if lab.is_healthy(name)} == STORES


def test_a_second_run_changes_nothing_and_restarts_nothing(lab):
    before = lab.identities()
    assert lab.converge().changed == 0
    assert lab.identities() == before


def test_check_mode_finds_nothing_to_change(lab):
    before = lab.identities()
    run = lab.playbook("dev", "--check", "--diff")
    assert run.changed == 0
    assert lab.identities() == before


def test_a_paused_container_is_seen_by_check_mode_and_left_alone(lab):
    name = lab.container("redis")
    lab.client.pause(name)
    try:
        assert lab.playbook("dev", "--check", "--tags", "redis").changed > 0
        assert lab.inspect("redis")["State"]["Paused"]
    finally:
        lab.client.unpause(name)
