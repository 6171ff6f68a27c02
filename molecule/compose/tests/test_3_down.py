"""Images instead of hot reload, a part of the environment, and the end of it."""


def test_without_the_override_a_service_runs_from_an_image(compose, up):
    compose.run("--file", "docker-compose.yml", "up", "--detach", "--build", "--no-deps", "notification")
    up.wait_until_healthy("notification")
    found = up.inspect("notification")
    assert found["Config"]["Entrypoint"] == ["/cloudlab/service"]
    assert found["Config"]["Image"] == f"cloudlab/{up.instance}-notification"
    assert all(mount["Destination"] != "/src" for mount in found["Mounts"])


def test_down_takes_everything_but_the_data(compose, up):
    volumes = up.volumes()
    assert volumes
    compose.run("down")
    assert (up.containers(), up.networks()) == ({}, set())
    assert up.volumes() == volumes


def test_without_a_profile_the_base_comes_up(compose, up):
    """And the data is still there: the stores alone, since nothing else was asked for."""
    compose.set(COMPOSE_PROFILES="")
    listed = set(compose.run("config", "--services").split())
    assert "order" in listed
    assert not listed & {name for name, entry in up.values["catalogue"].items() if entry["kind"] == "observability"}
    compose.run("up", "--detach", "postgres-init")
    assert up.present() == {"postgres", "postgres-init"}
    held = up.execute(
        "postgres", "psql", "-XqAt", "-U", "postgres", "-d", "cloudlab", "-c", "select 1 from auth.users limit 1"
    )
    assert held.strip() == "1"


def test_down_with_its_data_leaves_nothing(compose, up):
    compose.set(COMPOSE_PROFILES="full")
    compose.run("down", "--volumes")
    assert (up.containers(), up.networks(), up.volumes()) == ({}, set(), set())
