"""Redis as its role runs it: who may log in, what survives, what happens when memory is full."""

import leftovers
import pytest
import redis
import stores

ODD_PASSWORD = "a$HOME' \"%s#`\\ü: z "

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with stores.Store("redis", tmp_path_factory.mktemp("redis"), redis_password=ODD_PASSWORD) as store:
        store.wait_healthy()
        yield store


def test_what_an_interrupted_test_leaves_behind_is_known(store):
    api = store.api
    assert f"/{store.name}" in {name for found in leftovers.ours(api.containers()) for name in found["Names"]}
    assert f"{store.instance}-database" in {found["Name"] for found in leftovers.ours(api.networks())}
    assert f"{store.name}-data" in {found["Name"] for found in leftovers.ours(api.volumes()["Volumes"])}


def client(store, password=ODD_PASSWORD, user=None):
    return redis.Redis(port=store.port("redis"), username=user, password=password, decode_responses=True)


def test_who_may_do_what(store):
    assert client(store).set("greeting", "hello")
    assert client(store, user="default").get("greeting") == "hello"
    with pytest.raises(redis.AuthenticationError):
        client(store, password=None).get("greeting")
    with pytest.raises(redis.AuthenticationError):
        client(store, password="wrong").get("greeting")
    health = client(store, user="healthcheck", password="none")
    assert health.ping()
    for forbidden in (lambda: health.get("greeting"), lambda: health.info(), lambda: health.config_get("*")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            forbidden()


def test_the_secret_is_nowhere_to_be_read(store):
    written = "".join(file.read_text() for file in store.directory.rglob("*.conf"))
    assert ODD_PASSWORD not in str(store.api.inspect_container(store.name)) + written


def test_data_survives_a_kill_and_a_new_password(store):
    client(store).set("kept", "yes")
    store.kill()
    store.recreate(redis_password="another one")
    store.wait_healthy()
    assert client(store, password="another one").get("kept") == "yes"
    with pytest.raises(redis.AuthenticationError):
        client(store).get("kept")
    store.recreate(redis_password=ODD_PASSWORD)
    store.wait_healthy()


def test_full_memory_removes_what_expires_and_keeps_the_rest(store):
    connection = client(store)
    connection.config_set("maxmemory", "4mb")
    connection.set("kept", "yes")
    for number in range(100):
        connection.set(f"cache:{number}", "x" * 100_000, ex=600)
    assert connection.get("kept") == "yes"
    assert 0 < connection.dbsize() < 60
    with pytest.raises(redis.OutOfMemoryError):
        for number in range(100):
            connection.set(f"stored:{number}", "x" * 100_000)


def test_an_unhealthy_server_is_seen(store):
    client(store).execute_command("ACL", "SETUSER", "healthcheck", "off")
    assert store.execute("sh", "-c", health_command(store))[0] != 0
    client(store).execute_command("ACL", "SETUSER", "healthcheck", "on")
    assert store.execute("sh", "-c", health_command(store))[0] == 0


def health_command(store):
    return store.api.inspect_container(store.name)["Config"]["Healthcheck"]["Test"][1]
