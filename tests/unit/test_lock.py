"""One run at a time, and a lock that is released when its process ends."""

import json
import subprocess
import sys

import pytest

from cloudlab.engine import lock


@pytest.fixture
def other():
    """Another running process."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_running_process_excludes_others(tmp_path, other):
    path = tmp_path / "lab" / "lock"
    lock.acquire(path, other.pid)
    with pytest.raises(lock.LockedError, match=f"pid {other.pid}, since"):
        lock.acquire(path, 1)


def test_the_same_process_may_acquire_it_again(tmp_path, other):
    lock.acquire(tmp_path / "lock", other.pid)
    lock.acquire(tmp_path / "lock", other.pid)


def test_the_lock_of_a_dead_process_is_free(tmp_path, other):
    lock.acquire(tmp_path / "lock", other.pid)
    other.kill()
    other.wait()
    lock.acquire(tmp_path / "lock", 1)
    assert json.loads((tmp_path / "lock").read_text())["pid"] == 1


def test_the_lock_of_a_reused_process_number_is_free(tmp_path, other):
    path = tmp_path / "lock"
    lock.acquire(path, other.pid)
    holder = json.loads(path.read_text())
    path.write_text(json.dumps(holder | {"started": "1"}))
    lock.acquire(path, 1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_an_incomplete_lock_file_is_free(tmp_path, content):
    path = tmp_path / "lock"
    path.write_text(content)
    lock.acquire(path, 1)


def test_only_one_of_many_concurrent_processes_gets_it(tmp_path):
    """Eight processes try at the same time."""
    script = (
        "import sys, pathlib, os; from cloudlab.engine import lock\n"
        "try:\n    lock.acquire(pathlib.Path(sys.argv[1]), os.getpid()); print('won', flush=True)\n"
        "except lock.LockedError:\n    print('lost', flush=True)\n"
        "input()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(answers) == ["lost"] * 7 + ["won"]
