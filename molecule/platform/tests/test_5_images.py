"""Without hot reload: built programs in images of their own."""

import subprocess

from lab import ROOT


def test_services_run_from_images(lab):
    lab.environ["HOT_RELOAD_ENABLED"] = "false"
    lab.converge()
    containers = lab.containers()
    assert "builder" not in containers
    order = containers["order"]
    assert order["Config"]["Image"].startswith(f"cloudlab/{lab.instance}-order:")
    assert not [mount for mount in order["Mounts"] if mount["Type"] == "bind"]
    assert order["Config"]["User"].split(":")[0] not in ("", "0")


def test_a_second_run_changes_nothing(lab):
    assert lab.converge().changed == 0


def test_an_order_travels_through_them_too(lab):
    script = ROOT / "scripts" / "test-service-communication.sh"
    done = subprocess.run([str(script), "--instance", lab.instance], env=lab.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
