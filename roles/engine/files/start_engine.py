"""Start dockerd where no service manager does, and wait until it answers; do nothing when one answers already.

Prints `started` when it started one. Ends with status 1, and the end of dockerd's log, when none answers in time.
With systemd the service has been started before this, and it only waits.
"""

import argparse
import http.client
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

SOCKET = "/var/run/docker.sock"
ENGINE_PID = Path("/var/run/docker.pid")
CONTAINERD_PID = Path("/var/run/docker/containerd/containerd.pid")
LOG_LINES = 15
POLL_SECONDS = 0.1


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(SOCKET)


def answers() -> bool:
    """Whether an engine answers on the socket."""
    connection = _SocketConnection("localhost")
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def command_of(pid_file: Path) -> str:
    """Name of the program whose process the file names; empty when there is none."""
    try:
        pid = int(pid_file.read_text())
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError):
        return ""


def is_starting() -> bool:
    """Whether somebody else has started one that does not answer yet: a service manager, or another run."""
    return Path("/run/systemd/system").exists() or command_of(ENGINE_PID) == "dockerd"


def start(log: Path) -> subprocess.Popen:
    """Start dockerd, detached from this process and its terminal."""
    # The file of one that died, and whose number another program has now, would keep this one from starting.
    for path, command in {ENGINE_PID: "dockerd", CONTAINERD_PID: "containerd"}.items():
        if command_of(path) != command:
            path.unlink(missing_ok=True)
    # Containers inherit the limit on open files; a shell's is too low for a search engine.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with log.open("ab") as output:
        return subprocess.Popen(
            ["dockerd"],  # noqa: S607 - looked up on the PATH, as the engine's own scripts do
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            umask=0o022,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
        )


def main() -> int:
    """Parse the arguments, start and wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=float, default=60, help="seconds to wait for an answer")
    parser.add_argument("--log", type=Path, default=Path("/var/log/dockerd.log"))
    options = parser.parse_args()
    if answers():
        return 0
    # /usr/sbin is not on everybody's path.
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    process = None if is_starting() else start(options.log)
    deadline = time.monotonic() + options.timeout
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        if answers():
            print("started")
            return 0
        time.sleep(POLL_SECONDS)
    reason = "did not answer in time" if process is None or process.returncode is None else "ended at once"
    print(f"The Docker Engine {reason}. Its log, {options.log}, or `journalctl -u docker`, says why.", file=sys.stderr)
    if options.log.exists():
        print(*options.log.read_text(errors="replace").splitlines()[-LOG_LINES:], sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
