"""Remove what tests made on the engine and left behind, because they failed or were interrupted.

Everything a test makes carries the label of an instance whose name begins with `molecule-` or `test-`, or the label
`cloudlab.test`. Nothing else is touched. The test registry is a process of its own; its pid file tells which.
"""

import os
import shutil
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import docker

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cloudlab"
PREFIXES = ("molecule-", "test-")
# Not an instance's directory, in spite of its name: logs and downloads of the tests.
KEPT = ("test-logs", "test-tools")


def is_ours(labels: Mapping[str, str] | None) -> bool:
    """Whether a thing with these labels was made by a test."""
    labels = labels or {}
    return labels.get("cloudlab.instance", "").startswith(PREFIXES) or "cloudlab.test" in labels


def ours(things: Iterable[Mapping]) -> Iterable[Mapping]:
    """Those of the engine's `things` that a test made."""
    return [thing for thing in things if is_ours(thing.get("Labels"))]


def remove_from_engine(client: docker.APIClient) -> None:
    """Remove containers, then what they used."""
    for container in ours(client.containers(all=True)):
        client.remove_container(container["Id"], force=True, v=True)
    for network in ours(client.networks()):
        client.remove_network(network["Id"])
    for volume in ours(client.volumes()["Volumes"] or []):
        client.remove_volume(volume["Name"], force=True)


def stop_registry(pid_file: Path) -> None:
    """End the test registry of this checkout, if it runs."""
    try:
        pid = int(pid_file.read_text())
        if "docker-registry" in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        pass
    pid_file.unlink(missing_ok=True)


def remove_files() -> None:
    """Remove the directories that instances of tests generated."""
    for prefix in PREFIXES:
        for directory in STATE.glob(f"{prefix}*"):
            if directory.name not in KEPT:
                shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    stop_registry(STATE / "test-registry" / "pid")
    remove_from_engine(docker.APIClient(timeout=120))
    remove_files()
