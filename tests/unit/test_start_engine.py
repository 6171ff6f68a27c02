"""Starting dockerd without a service manager: running engines and stale PID files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab import wait_until

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "roles" / "engine" / "files"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script as a module, with its files in a temporary directory."""
    monkeypatch.syspath_prepend(str(FILES))
    import start_engine

    monkeypatch.setattr(start_engine, "SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr(start_engine, "ENGINE_PID", tmp_path / "docker.pid")
    monkeypatch.setattr(start_engine, "CONTAINERD_PID", tmp_path / "containerd.pid")
    return start_engine


@pytest.fixture
def dockerd(tmp_path, monkeypatch):
    """Put a program dockerd with the given body first on the PATH."""

    def make(body: str) -> None:
        program = tmp_path / "dockerd"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return make


def run(script, monkeypatch, tmp_path, timeout="1") -> int:
    monkeypatch.setattr(sys, "argv", ["start_engine", f"--timeout={timeout}", f"--log={tmp_path}/dockerd.log"])
    return script.main()


def test_a_missing_socket_does_not_respond(script):
    assert not script.answers()


@pytest.mark.parametrize("content", ["", "none", "0", "99999999"])
def test_an_invalid_pid_file_names_no_process(script, content):
    script.ENGINE_PID.write_text(content)
    assert script.command_of(script.ENGINE_PID) == ""


def test_the_pid_file_of_another_program_is_ignored(script):
    script.ENGINE_PID.write_text(str(os.getpid()))
    assert script.command_of(script.ENGINE_PID) != ""
    assert not script.is_starting() or Path("/run/systemd/system").exists()


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="with systemd nothing is started directly")
def test_pid_files_of_other_programs_are_removed_before_the_start(script, dockerd, monkeypatch, tmp_path):
    for file in (script.ENGINE_PID, script.CONTAINERD_PID):
        file.write_text(str(os.getpid()))
    dockerd("exit 1")
    assert run(script, monkeypatch, tmp_path) == 1
    assert not script.ENGINE_PID.exists()
    assert not script.CONTAINERD_PID.exists()


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="with systemd nothing is started directly")
def test_an_engine_that_exits_is_reported_with_its_log(script, dockerd, monkeypatch, tmp_path, capsys):
    dockerd("echo failed to start daemon: no space left; exit 1")
    assert run(script, monkeypatch, tmp_path, timeout="30") == 1
    said = capsys.readouterr().err
    assert "exited immediately" in said
    assert "no space left" in said


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="with systemd nothing is started directly")
def test_an_engine_that_is_starting_is_not_started_twice(script, dockerd, monkeypatch, tmp_path, capsys):
    dockerd("touch started; exit 1")
    # A process of that name, which does not answer.
    program = tmp_path / "sleeping" / "dockerd"
    program.parent.mkdir()
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as other:
        try:
            script.ENGINE_PID.write_text(str(other.pid))
            # It gets its name a moment after it was started.
            wait_until(lambda: script.command_of(script.ENGINE_PID) == "dockerd", "it is called dockerd", 10)
            assert run(script, monkeypatch, tmp_path) == 1
        finally:
            other.kill()
    assert "did not respond in time" in capsys.readouterr().err
    assert not (tmp_path / "dockerd.log").exists()
