"""scripts/logs.sh, with VictoriaLogs and without."""

import json
import subprocess

import pytest
from lab import ROOT, wait_until


def show(lab, *arguments, status=0):
    done = subprocess.run(
        [ROOT / "scripts" / "logs.sh", *arguments],
        env=lab.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("source", ["store", "engine"])
def test_one_request(lab, order, source):
    found = show(lab, "--request-id", order["request"], "--json", "--source", source).stdout.splitlines()
    rows = [json.loads(line) for line in found]
    assert {"gateway", "order", "payment"} <= {row["component"] for row in rows}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert all(row["message"] for row in rows)
    assert not [name for row in rows for name in row if name.startswith(("severity", "scope."))]


@pytest.mark.parametrize("source", ["store", "engine"])
def test_some_components_and_a_pattern(lab, order, source):
    found = show(lab, "order", "payment", "--since", "1h", "--grep", order["request"], "--source", source).stdout
    assert {line.split()[1] for line in found.splitlines()} == {"order", "payment"}


def test_grave_lines_only(lab):
    found = show(lab, "--since", "1h", "--level", "warn", "--json").stdout
    assert {json.loads(line)["level"] for line in found.splitlines()} <= {"warn", "error"}


def test_a_mistake_is_named(lab):
    assert "Did you mean order?" in show(lab, "ordr", status=2).stderr


def test_what_is_written_from_now_on(lab, shop):
    with subprocess.Popen(
        [ROOT / "scripts" / "logs.sh", "gateway", "--follow"], env=lab.environ, stdout=subprocess.PIPE, text=True
    ) as following:
        try:
            seen = []

            def asked():
                request = shop.gateway.call("GET", "/api/v1/products").request_id
                seen.append(request)
                line = following.stdout.readline()
                return any(request in line for request in seen)

            wait_until(asked, "a line of a request that was just made", 30)
        finally:
            following.kill()
