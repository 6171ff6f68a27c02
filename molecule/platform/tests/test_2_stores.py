"""The stores are filled through the gateway, and what they hold is told, also when something of it is missing."""

import subprocess

import psycopg
from confluent_kafka.admin import AdminClient
from lab import ROOT

TOPIC = "platform.dead-letters"


def validate(lab, *arguments):
    """(exit status, output) of the script."""
    script = ROOT / "scripts" / "validate-database-setup.sh"
    done = subprocess.run(
        [str(script), *arguments],
        env=lab.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


def sql(lab, statement):
    user, password, database = (lab.values[f"postgres_{key}"] for key in ("user", "password", "db"))
    address = {"host": "127.0.0.1", "port": lab.port("postgres", "sql"), "autocommit": True}
    with psycopg.connect(user=user, password=password, dbname=database, **address) as connection:
        connection.execute(statement)


def test_a_converged_platform_holds_all_that_it_should(lab):
    status, output = validate(lab)
    assert status == 0, output
    assert ", 0 failed, " in output


def test_what_was_not_seeded_is_missing(lab):
    status, output = validate(lab, "--seeded")
    assert status != 0
    assert "playbooks/seed.yml -e size=small" in output


def test_a_seed_fills_the_platform_once(lab):
    looked = lab.playbook("seed", "--check")
    assert "Would create" in looked.output
    first = lab.playbook("seed")
    assert first.changed == 1
    assert "20 users, 60 products" in first.output
    assert "100 orders" in first.output
    again = lab.playbook("seed")
    assert again.changed == 0
    assert "nothing was created" in again.output
    status, output = validate(lab, "--seeded")
    assert status == 0, output


def test_an_unknown_size_is_an_error_that_names_the_nearest(lab):
    run = lab.playbook("seed", "-e", "size=smal", status=2)
    assert "Did you mean small?" in run.output


def drop_topic(lab):
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{lab.port('kafka', 'broker')}"})
    admin.delete_topics([TOPIC])[TOPIC].result()


DAMAGES = [
    (drop_topic, f"kafka, topic {TOPIC}: absent"),
    (lambda lab: sql(lab, "alter role content nologin"), "postgres, role content: "),
    (lambda lab: sql(lab, "alter schema content owner to cloudlab"), "schema content: owned by cloudlab"),
    (lambda lab: sql(lab, 'grant usage on schema "order" to payment'), "others' data: may use schema order"),
]


def test_each_damage_is_reported_and_fixed_by_a_converge(lab):
    for damage, _ in DAMAGES:
        damage(lab)
    status, output = validate(lab)
    assert status != 0
    for _, reported in DAMAGES:
        assert reported in output
    assert "ansible-playbook playbooks/dev.yml --tags" in output
    assert lab.converge("kafka", "postgres").changed > 0
    status, output = validate(lab)
    assert status == 0, output


def test_a_schema_that_is_gone_is_named_with_its_migrations(lab):
    sql(lab, "alter schema content rename to content_old")
    try:
        status, output = validate(lab)
    finally:
        sql(lab, "alter schema content_old rename to content")
    assert status != 0
    assert "postgres, schema content: absent" in output
    assert "postgres, migrations of content, content.goose_db_version: the version table is missing" in output
    assert f"docker restart {lab.container('content')}" in output


def test_a_store_that_is_away_is_named_and_the_others_are_checked(lab):
    lab.client.stop(lab.container("redis"))
    try:
        status, output = validate(lab)
    finally:
        lab.client.start(lab.container("redis"))
        lab.wait_until_healthy("redis")
    assert status != 0
    assert "redis, answers: " in output
    assert "1 failed" in output
