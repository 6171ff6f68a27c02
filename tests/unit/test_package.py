"""The playbooks with an Ansible without the package cloudlab."""

import os
import subprocess

from cloudlab.model import settings


def test_an_ansible_without_the_package_prints_the_environment_to_use(tmp_path):
    package = tmp_path / "cloudlab"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('missing')\n", encoding="utf-8")
    done = subprocess.run(
        ["ansible-playbook", "playbooks/describe.yml"],
        cwd=settings.ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Cloudlab's Python package cannot be imported by" in done.stderr
    assert "./scripts/setup.sh" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
