"""The output of a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloudlab.model import settings

PLAYBOOK = """\
- name: Sample play
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Sample task
      {action}
"""


@pytest.fixture
def output(tmp_path, monkeypatch):
    """A function that runs a playbook with one task and returns its output."""

    def run(action):
        playbook = tmp_path / "play.yml"
        playbook.write_text(PLAYBOOK.format(action=action), encoding="utf-8")
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "--inventory", "localhost,", playbook],
            cwd=settings.ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    monkeypatch.setenv("ANSIBLE_VARS_ENABLED", "host_group_vars")
    monkeypatch.setenv("NO_COLOR", "1")
    return run


def test_a_run_without_changes_says_so(output):
    printed = output("ansible.builtin.debug: {msg: nothing}")
    assert "Sample play" in printed
    assert "Sample task" not in printed
    assert "no changes (" in printed


def test_changes_are_counted(output):
    printed = output("ansible.builtin.add_host: {name: another}\n      changed_when: true")
    assert "Sample task" in printed
    assert "1 task changed (" in printed


def test_a_failure_is_printed_once(output):
    printed = output("ansible.builtin.fail: {msg: the disk is full}")
    assert printed.count("the disk is full") == 1
    assert "FAILED  Sample task" in printed
    assert "no changes" not in printed
