"""An order from outside, through everything; and the same while things break."""

import subprocess

from lab import ROOT

SCRIPT = str(ROOT / "scripts" / "test-service-communication.sh")


def run(lab, *arguments):
    done = subprocess.run(
        [SCRIPT, "--instance", lab.instance, *arguments],
        env=lab.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    print(done.stdout)
    return done


def test_an_order_travels_through_the_platform(lab):
    done = run(lab)
    assert done.returncode == 0, done.stdout


def test_no_order_is_lost_or_charged_twice_when_things_break(lab):
    done = run(lab, "--accidents")
    assert done.returncode == 0, done.stdout


def test_a_hop_that_is_away_is_named(lab):
    lab.client.stop(lab.container("payment"))
    try:
        # Every other journey would wait for it as long.
        done = run(lab, "--only", "purchase")
    finally:
        lab.client.start(lab.container("payment"))
        lab.wait_until_healthy("payment")
    assert done.returncode == 1
    assert "payment" in done.stdout
