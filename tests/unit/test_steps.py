"""scripts/lib/steps.sh: several steps at a time, a result for each, and none left running after an interruption."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# $1: folder for logs, $2: number of jobs; the names of steps follow. Each step is a function of the same name.
HARNESS = """
source {root}/scripts/lib/steps.sh
LOGS="$1" RESULTS="$1/results" jobs="$2"
shift 2
step() {{ run_step "$1" 30 bash -c "cd '$LOGS'; $(declare -f "$1"); $1"; }}
await() {{ until [ -e "$1" ]; do sleep 0.02; done; }}
export -f await
good() {{ true; }}
bad() {{ echo "the cause"; false; }}
first() {{ touch first; await second; }}
second() {{ touch second; await first; }}
endless() {{ echo $$ >>pids; sleep 600 & echo $! >>pids; wait; }}
trap 'stop_steps; exit 130' INT TERM
forget_results
run_steps "$jobs" "$@"
summary "$@"
"""


def command(tmp_path, jobs, *names):
    return ["bash", "-euo", "pipefail", "-c", HARNESS.format(root=ROOT), "harness", tmp_path, str(jobs), *names]


def run(tmp_path, jobs, *names):
    return subprocess.run(command(tmp_path, jobs, *names), capture_output=True, text=True, timeout=60)


def test_all_steps_pass(tmp_path):
    done = run(tmp_path, 1, "good")
    assert done.returncode == 0, done.stderr
    assert "1 passed, 0 failed" in done.stdout


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failed_step_fails_the_run_and_shows_its_log(tmp_path, jobs):
    done = run(tmp_path, jobs, "bad", "good")
    assert done.returncode == 1
    assert "    the cause\n" in done.stdout
    assert "failed   bad (.cloudlab/test-logs/bad.log)" in done.stdout
    assert "1 passed, 1 failed" in done.stdout


def test_two_jobs_run_two_steps_at_the_same_time(tmp_path):
    """Each of these two ends only while the other runs."""
    done = run(tmp_path, 2, "first", "second")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_an_interruption_ends_all_steps(tmp_path):
    process = subprocess.Popen(command(tmp_path, 2, "endless", "good"), stdout=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").exists() else True


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
