"""The action `containers` in a playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from container_lab import HEALTHY, INSTANCE, SECRET, actions, reasons
from lab import ROOT

import playbooks
from cloudlab import engine

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    threads: 4
  tasks:
    - name: Converge
      containers:
        instance: {instance}
        directory: "{{{{ playbook_dir }}}}/state"
        state: "{{{{ want | default('healthy') }}}}"
        specs: "{{{{ lookup('file', 'specs.json') | from_json }}}}"
"""


def play(lab, folder: Path, specs: list, *arguments: str, prefix=()) -> subprocess.CompletedProcess:
    """Run the action from a playbook beside a folder of templates. prefix: the command that runs it, if any."""
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "app.conf.j2").write_text("{% include 'part.j2' %}\n\npassword {{ 'x' }}-value\n")
    (folder / "templates" / "part.j2").write_text("threads {{ threads }}")
    (folder / "play.yml").write_text(PLAYBOOK.format(instance=INSTANCE))
    (folder / "specs.json").write_text(json.dumps(specs))
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    options = ["-i", "localhost,", folder / "play.yml", *arguments]
    if not prefix:
        return playbooks.run(options, environment, seconds=120)
    command = [*prefix, Path(sys.executable).with_name("ansible-playbook"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_the_action_renders_checks_and_explains(lab, tmp_path):
    raw = lab.spec(files=[{"src": "app.conf.j2", "target": "/etc/app.conf"}], healthcheck=HEALTHY)
    planned = play(lab, tmp_path, [raw], "--check", "--diff", "-v")
    assert "changed=1" in planned.stdout, planned.stdout
    assert "+threads 4" in planned.stdout
    assert "+password <hidden>" in planned.stdout
    assert SECRET not in planned.stdout
    assert lab.names() == set()
    assert not (tmp_path / "state").exists()
    assert "changed=1" in play(lab, tmp_path, [raw]).stdout
    assert lab.sh("cat /etc/app.conf") == "threads 4\npassword x-value\n"
    again = play(lab, tmp_path, [raw], "-v")
    assert "changed=0" in again.stdout
    assert "1 containers, healthy: up to date" in again.stdout
    wrong = play(lab, tmp_path, [raw | {"memry": "1g", "cpus": "many"}])
    assert wrong.returncode != 0
    assert "unknown option 'memry'; did you mean 'memory'?" in wrong.stdout
    assert "'many' is not a number of CPUs" in wrong.stdout
    assert "Traceback" not in wrong.stdout + wrong.stderr


# Runs the rest of its command line where the engine's socket is at another path, and its folder is empty: $0 is the
# socket, $1 the other path.
ELSEWHERE = """
mount --bind "$0" "$1"
mount -t tmpfs none "$(dirname "$(readlink -f "$0")")"
export DOCKER_HOST="unix://$1"
shift
exec "$@"
"""


def test_a_path_that_only_the_engine_has_is_mounted(lab, tmp_path):
    """As with Colima, whose socket is in the user's home: /var/run/docker.sock only exists in its virtual machine."""
    address = engine.connect().address.removeprefix("unix://")
    (tmp_path / "engine.sock").touch()
    prefix = ["unshare", "--mount", "--map-root-user", "sh", "-euc", ELSEWHERE, address, tmp_path / "engine.sock"]
    mount = {"type": "bind", "source": address, "target": "/engine/docker.sock", "read_only": True}
    refused = play(lab, tmp_path, [lab.spec(mounts=[mount], healthcheck=HEALTHY)], prefix=prefix)
    assert f"the source {address} does not exist" in refused.stdout, refused.stderr
    raw = lab.spec(mounts=[mount | {"on_engine": True}], healthcheck=HEALTHY)
    first = play(lab, tmp_path, [raw], prefix=prefix)
    assert "changed=1" in first.stdout, first.stdout + first.stderr
    assert lab.sh("test -S /engine/docker.sock && echo there") == "there\n"
    assert "changed=0" in play(lab, tmp_path, [raw], prefix=prefix).stdout


def test_a_copy_follows_its_original(lab, tmp_path):
    """The container keeps the file that it was started with, so it must be recreated."""
    original = tmp_path / "ca.pem"
    raw = lab.spec(files=[{"copy": str(original), "target": "/etc/ca.pem"}])
    original.write_bytes(b"# T\xfcrktrust\r\none\n")
    lab.up(raw)
    assert lab.up(raw).actions == []
    assert lab.inspect()["Mounts"][0]["Source"] == str(lab.directory / "config" / "web" / "ca.pem")
    original.write_text("two\n")
    planned = lab.up(raw, check=True)
    report = lab.up(raw)
    assert planned.actions == report.actions
    assert (actions(report), reasons(report)) == (["recreate"], "file /etc/ca.pem has other content")
    assert lab.sh("cat /etc/ca.pem") == "two\n"
    assert any(entry["after"] == f"(a copy of {original})\n" for entry in report.diff)
