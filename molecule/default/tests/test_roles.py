"""The roles of the stores, verified from this machine and from within their containers."""

import documented
import pytest
from role_checks import assert_as_documented, assert_confined, container_of, inside, port_of

STORES = sorted(documented.of_profile("stores"))


@pytest.fixture
def within(lab):
    """The host within a component's container."""
    return lambda component: inside(container_of(lab, component))


@pytest.mark.parametrize("store", STORES)
def test_it_runs_as_documented(host, lab, store):
    assert_as_documented(host, lab, store)
    assert_confined(host, lab, store)


@pytest.mark.parametrize("store", STORES)
def test_it_cannot_write_outside_its_volumes(within, store):
    assert within(store).check_output("id -u") != "0"
    assert within(store).run("touch /usr/probe").failed


def test_postgres(within):
    postgres = within("postgres")
    assert postgres.mount_point("/var/lib/postgresql/data").exists
    login = (
        "psql --username cloudlab --host 127.0.0.1 cloudlab --tuples-only --no-align --command 'show data_checksums'"
    )
    assert postgres.run(f"PGPASSWORD=development {login}").stdout.strip() == "on"
    assert "password authentication failed" in postgres.run(f"PGPASSWORD=wrong {login}").stderr


def test_redis(within):
    redis = within("redis")
    assert redis.mount_point("/data").exists
    assert "NOAUTH" in redis.check_output("redis-cli ping")
    ask = "REDISCLI_AUTH=development redis-cli"
    assert redis.check_output(f"{ask} ping") == "PONG"
    assert redis.check_output(f"{ask} config get appendonly").split() == ["appendonly", "yes"]


def test_clickhouse(within):
    clickhouse = within("clickhouse")
    assert clickhouse.mount_point("/var/lib/clickhouse").exists
    ask = "clickhouse-client --user cloudlab --query 'show databases' --password"
    assert "cloudlab" in clickhouse.check_output(f"{ask} development").split()
    refused = clickhouse.run(f"{ask} wrong")
    assert refused.failed and "password" in refused.stderr


def test_elasticsearch(host, lab, within):
    assert within("elasticsearch").mount_point("/usr/share/elasticsearch/data").exists
    url = f"http://127.0.0.1:{port_of(lab, 'elasticsearch', 'http')}/_cluster/health?wait_for_status=green"
    assert '"status":"green"' in host.check_output("curl --silent --fail %s", url)


def test_zookeeper(host, lab, within):
    zookeeper = within("zookeeper")
    for folder in ("data", "log"):
        assert zookeeper.mount_point(f"/var/lib/zookeeper/{folder}").exists
    port = port_of(lab, "zookeeper", "client")
    mode = host.check_output("bash -c %s", f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf srvr >&3 && cat <&3")
    assert "Mode: standalone" in mode


def test_kafka(within):
    kafka = within("kafka")
    assert kafka.mount_point("/var/lib/kafka/data").exists
    listeners = kafka.file("/etc/kafka/server.properties").content_string
    assert "auto.create.topics.enable=false" in listeners
    described = kafka.check_output("kafka-broker-api-versions --bootstrap-server kafka:29092")
    assert "kafka:29092 (id: 1 " in described
