"""Start dockerd if no service manager does, and wait until it responds; do nothing if an engine responds already.

Prints `started` if it started dockerd. If no engine responds in time, prints the end of dockerd's log and exits with
status 1. With systemd, the service has been started before, and this script only waits.
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
    """Whether an engine responds on the socket."""
    connection = _SocketConnection("localhost")
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def command_of(pid_file: Path) -> str:
    """Name of the program whose process ID is in the file; empty if there is none."""
    try:
        pid = int(pid_file.read_text())
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError):
        return ""


def is_starting() -> bool:
    """Whether a service manager or another run has started an engine that does not respond yet."""
    return Path("/run/systemd/system").exists() or command_of(ENGINE_PID) == "dockerd"


def start(log: Path) -> subprocess.Popen:
    """Start dockerd, detached from this process and its terminal."""
    # dockerd does not start while a stale PID file names a process that exists, even if it is another program.
    for path, command in {ENGINE_PID: "dockerd", CONTAINERD_PID: "containerd"}.items():
        if command_of(path) != command:
            path.unlink(missing_ok=True)
    # Containers inherit the limit on open files; the limit of a shell is too low for Elasticsearch.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with log.open("ab") as output:
        return subprocess.Popen(
            ["dockerd"],  # noqa: S607 - looked up on the PATH, like in the engine's own scripts
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
    parser.add_argument("--timeout", type=float, default=60, help="seconds to wait for a response")
    parser.add_argument("--log", type=Path, default=Path("/var/log/dockerd.log"))
    options = parser.parse_args()
    if answers():
        return 0
    # /usr/sbin is not on every user's PATH.
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    process = None if is_starting() else start(options.log)
    deadline = time.monotonic() + options.timeout
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        if answers():
            print("started")
            return 0
        time.sleep(POLL_SECONDS)
    reason = "did not respond in time" if process is None or process.returncode is None else "exited immediately"
    print(f"The Docker Engine {reason}. See its log: {options.log}, or `journalctl -u docker`.", file=sys.stderr)
    if options.log.exists():
        print(*options.log.read_text(errors="replace").splitlines()[-LOG_LINES:], sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
