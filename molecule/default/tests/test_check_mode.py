"""Check mode reports what a run would change, and changes nothing."""

from lab import pause


def test_check_mode_finds_nothing_to_change(lab):
    before = lab.identities()
    run = lab.playbook("dev", "--check", "--diff")
    assert run.changed == 0
    assert lab.identities() == before


def test_check_mode_reports_a_paused_container_and_leaves_it_paused(lab):
    name = lab.container("redis")
    pause(lab.client, name)
    try:
        assert lab.playbook("dev", "--check", "--tags", "redis").changed > 0
        assert lab.inspect("redis")["State"]["Paused"]
    finally:
        lab.client.unpause(name)
