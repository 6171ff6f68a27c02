"""Undoes what Docker Desktop rewrites in the containers that it creates.

Its engine runs in a virtual machine, where the files of this machine have other paths. A proxy in front of the engine
replaces the sources of binds and adds labels; an inspection shows the result. This is not documented; the forms are
those that users report (Colima and OrbStack rewrite nothing):

- `/host_mnt/<path>` for files and `/socket_mnt/<path>` for sockets, symbolic links of macOS resolved
  (docker/compose#7705, docker/desktop-feedback#376);
- `/run/desktop/mnt/host/<drive>/<path>` for files that a WSL distribution has at `/mnt/<drive>/<path>`;
- `…/docker-desktop-bind-mounts/<distribution>/<SHA-256 of the path>` for the distribution's own files
  (docker/for-win#4812, where /tmp/test/ is abac646b…);
- `/run/host-services/docker.proxy.sock` for the engine's socket;
- labels `desktop.docker.io/binds/<n>/{Source,SourceKind,Target}`, `desktop.docker.io/wsl-distro`,
  `desktop.docker.io/ports.scheme` and `desktop.docker.io/ports/<port>` (docker/desktop-feedback#276).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping

from cloudlab.engine import machine

# Prefixes of labels that the engine adds.
ADDED_LABELS = ("desktop.docker.io/",)

_DRIVES = "/run/desktop/mnt/host"
_SOCKET = "/run/host-services/docker.proxy.sock"
# Paths that only result from a rewrite: where the form is unknown, the label with the original path decides.
_REWRITTEN = ("/host_mnt/", "/socket_mnt/", "/run/desktop/", "/run/host-services/")
_ORIGINAL = re.compile(r"desktop\.docker\.io/binds/(?P<number>\d+)/Target")


def without_added(labels: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """The labels without those that an engine adds, unless they are declared."""
    return {name: value for name, value in labels.items() if name in declared or not name.startswith(ADDED_LABELS)}


def is_source(found: str, declared: str, target: str, labels: Mapping[str, str]) -> bool:
    """Whether the source of a bind is the declared one, or its rewritten form.

    target: where the bind is mounted in the container. labels: those of the inspected container.
    """
    if found == declared or found in _rewritten(declared):
        return True
    if "/docker-desktop-bind-mounts/" in found and found.endswith(f"/{hashlib.sha256(declared.encode()).hexdigest()}"):
        return True
    return found.startswith(_REWRITTEN) and declared in _originals(target, labels)


def _rewritten(declared: str) -> set[str]:
    """The possible rewritten forms of a path that follow from the path alone."""
    # Symbolic links of macOS.
    real = f"/private{declared}" if declared.startswith(("/tmp/", "/var/", "/etc/")) else declared  # noqa: S108
    forms = {f"{root}{path}" for root in ("/host_mnt", "/socket_mnt") for path in (declared, real)}
    if re.match(r"/mnt/[a-z]/", declared):
        forms.add(_DRIVES + declared.removeprefix("/mnt"))
    if declared == machine.SOCKET:
        forms.add(_SOCKET)
    return forms


def _originals(target: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The requested source at `target`, from the labels that Docker Desktop adds."""
    for name, value in labels.items():
        if (label := _ORIGINAL.fullmatch(name)) and value == target:
            yield labels.get(f"desktop.docker.io/binds/{label['number']}/Source", "")
