"""Ask for the Docker Engine as the playbooks do; say in one line why it cannot be used.

Exit status: 0 usable, 10 nobody listens on this machine's own socket, 11 the user may not open that socket,
12 anything else (an address set by DOCKER_HOST or a context, a wrong version, an engine that hangs).
"""

import socket
import sys

from cloudlab import engine

ABSENT, DENIED, OTHER = 10, 11, 12


def state(path: str) -> int:
    """Why the unix socket at `path` cannot be used."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    except PermissionError:
        return DENIED
    except (FileNotFoundError, ConnectionRefusedError):
        return ABSENT
    except OSError:
        pass
    return OTHER


def main() -> int:
    """Print the problem, if there is one."""
    try:
        engine.connect().close()
    except engine.EngineError as error:
        print(error)
        path = engine.DEFAULT_ADDRESS.removeprefix("unix://")
        # Another address is somebody's choice: nothing on this machine is to be installed or started for it.
        return state(path) if path in str(error) else OTHER
    return 0


if __name__ == "__main__":
    sys.exit(main())
