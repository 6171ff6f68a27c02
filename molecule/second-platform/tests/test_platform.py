"""Each service does what its own configuration tells it, seen from outside."""

import json
import re
import socket
import subprocess

import requests
from lab import ROOT

SERVICES = {"ledger", "mail-web", "mail-sweep", "fleet", "worker"}


def page(lab, component, port):
    answer = requests.get(f"http://127.0.0.1:{lab.port(component, port)}/", timeout=10)
    answer.raise_for_status()
    return answer.text.strip()


def test_only_what_it_needs_runs(lab):
    assert lab.present() == SERVICES | {"builder", "postgres"}
    assert all(lab.is_healthy(name) for name in lab.present())


def test_a_service_keeps_lines_in_a_database_of_its_own(lab):
    with socket.create_connection(("127.0.0.1", lab.port("ledger", "lines")), timeout=10) as connection:
        connection.sendall(b"hello\n")
        assert re.fullmatch(r"hello, \d+ lines\n", connection.makefile().readline())
    databases = lab.execute("postgres", "psql", "-U", "postgres", "-Atc", "SELECT datname FROM pg_database")
    assert "books" in databases.split()


def test_replicas_answer_with_their_arguments_and_variables(lab):
    assert page(lab, "mail-web", "page") == "<p>hello from north</p>"
    assert lab.client.containers(filters={"name": f"^{lab.container('mail-web')}-2$"})


def test_tags_names_secrets_and_settings_reach_a_service(lab):
    assert lab.port("worker", "http") == 8304 + lab.values["port_offset"]
    wanted = r'enterprise, fleet:7100, \{"token": "\w{32}", "level": "debug", "tone": "loud"\}'
    assert re.fullmatch(wanted, page(lab, "worker", "http"))


def test_its_validation_passes(lab):
    command = [str(ROOT / "scripts" / "validate.sh"), "--tags", ",".join(SERVICES), "--format", "json"]
    done = subprocess.run(
        command, env=lab.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    checks = {f"{check['area']}, {check['subject']}": check for check in json.loads(done.stdout)["checks"]}
    assert checks["containers, mail-web-2"]["state"] == "ok"
    assert checks["postgres, database books"]["state"] == "ok"
