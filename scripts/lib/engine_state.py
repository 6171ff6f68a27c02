"""Check the Docker Engine as the playbooks do, and print one line that says why it cannot be used.

Exit status: 0 usable, 10 no process listens on the default socket, 11 the user lacks access to that socket,
12 any other problem (an address set by DOCKER_HOST or a context, an unsupported version, an engine that hangs).
"""

import socket
import sys

from cloudlab import engine

ABSENT, DENIED, OTHER = 10, 11, 12


def state(path: str) -> int:
    """Return why the unix socket at `path` cannot be used."""
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
    """Print the problem, if any."""
    try:
        engine.connect().close()
    except engine.EngineError as error:
        print(error)
        path = engine.DEFAULT_ADDRESS.removeprefix("unix://")
        # The user chose another address, so do not install or start an engine on this machine.
        return state(path) if path in str(error) else OTHER
    return 0


if __name__ == "__main__":
    sys.exit(main())
