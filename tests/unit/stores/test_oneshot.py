"""Programs that fill a store: the shell accepts each, and none contains a password."""

import subprocess

import pytest

from cloudlab.stores import registry

ARGUMENTS = {
    "postgres": {
        "admin_user": "boss",
        "admin_password": "of boss",
        "database": "shop",
        "services": [{"name": "order", "password": "of order", "schema": "order"}],
    },
    "kafka": {"topics": [{"name": "orders", "partitions": 3}], "inside": "kafka:29092"},
    "clickhouse": {"database": "shop", "user": "boss", "password": "of boss", "inside": "clickhouse:9000"},
}
PROGRAMS = {
    name: registry.find(name).one_shot(arguments | {"container": f"lab-{name}"})
    for name, arguments in ARGUMENTS.items()
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_a_script_that_ends_at_its_first_mistake(name):
    program = PROGRAMS[name]
    assert program["container"] == f"lab-{name}"
    assert program["script"].startswith("set -eu\n")
    subprocess.run(["sh", "-n"], input=program["script"], text=True, check=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_passwords_come_from_the_environment(name):
    program = PROGRAMS[name]
    assert "of boss" not in program["script"] and "of order" not in program["script"]


def test_psql_gets_each_password_by_its_number():
    program = PROGRAMS["postgres"]
    assert {key: value for key, value in program["env"].items() if key.startswith("PASSWORD_")} == {
        "PASSWORD_0": "of boss",
        "PASSWORD_1": "of order",
    }
    assert "\\getenv password_1 PASSWORD_1\n" in program["script"]
    assert program["shares"] == ["/var/run/postgresql"]
