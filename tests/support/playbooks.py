"""Runs of ansible-playbook for tests, without the second of processor time in which Python imports Ansible.

`run` has a server fork each run from a process that has imported Ansible and nothing else: same arguments, same
environment, same exit status. Ansible reads its own environment variables when it is imported, so there is one server
for each set of these.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

# Determines what Ansible reads at import; everything else is read during the run.
AT_IMPORT = ("ANSIBLE_", "NO_COLOR", "FORCE_COLOR", "HOME", "LANG", "LC_", "PATH", "PYTHON", "TMPDIR")
MESSAGE_BYTES = 1 << 20
ROOT = Path(__file__).resolve().parents[2]
# Only a hang takes longer.
SECONDS = 900


def run(
    arguments: Sequence[str | Path], environ: Mapping[str, str], seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run `ansible-playbook` with the arguments in the project's root, as `subprocess.run` does.

    Kills it after the given time and raises TimeoutError.
    """
    command = [str(item) for item in arguments]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        request = {"arguments": command, "environ": dict(environ)}
        status = _status(json.dumps(request).encode(), (output.fileno(), errors.fileno()), environ, seconds)
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, status, output.read(), errors.read())


def _status(request: bytes, files: tuple[int, int], environ: Mapping[str, str], seconds: float) -> int:
    relevant = tuple(sorted((name, value) for name, value in environ.items() if name.startswith(AT_IMPORT)))
    result, sent = os.pipe()
    # Without a buffer, because select does not see what a buffer holds.
    with open(result, "rb", buffering=0) as reader:
        try:
            socket.send_fds(_server(relevant), [request], [*files, sent])
        finally:
            os.close(sent)
        process = int(reader.readline())
        if not select.select([reader], [], [], seconds)[0]:
            os.killpg(process, signal.SIGKILL)
            raise TimeoutError(f"ansible-playbook took longer than {seconds:.0f} s")
        return int(reader.readline())


@functools.cache
def _server(environ: tuple[tuple[str, str], ...]) -> socket.socket:
    """The connection to a server with these environment variables. It ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            env=dict(environ),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def serve(connection: socket.socket) -> None:
    """Fork a process for each request until the other end is closed."""
    import gc

    import ansible.cli.playbook
    import docker  # noqa: F401 - most runs need it

    gc.freeze()
    while True:
        request, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 3)
        # Processes that have ended.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not request:
            return
        if os.fork() == 0:
            connection.close()
            _keep(json.loads(request), files, ansible.cli.playbook.main)
        for file in files:
            os.close(file)


def _keep(request: dict, files: Sequence[int], main) -> None:
    """Run it in a process of its own, and send its process group and its exit status."""
    output, errors, result = files
    process = os.fork()
    if process == 0:
        os.close(result)
        _become(request, output, errors, main)
    os.write(result, f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    os.write(result, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: dict, output: int, errors: int, main) -> None:
    """Be `ansible-playbook`, as its script does it."""
    os.setpgid(0, 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(ROOT)
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    sys.argv = [program, *request["arguments"]]
    try:
        status = main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
