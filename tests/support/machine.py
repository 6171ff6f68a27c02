"""A fresh machine: a container with a minimal Debian that can run its own engine.

It needs no privileged mode. The engine inside requires capabilities for bridges, namespaces and mounts, system calls
that the default seccomp profile blocks, the host's cgroups, and a directory for layers that is not on an overlay.
"""

import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from lab import ROOT

LABELS = {"cloudlab.test": "machine"}
CAPABILITIES = ["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE", "MKNOD"]
# Certificate bundles of the host, in the order of preference.
BUNDLES = (os.environ.get("SSL_CERT_FILE", ""), "/etc/ssl/certs/ca-certificates.crt")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

DOCKERFILE = """\
FROM {base}
# The prerequisites of a clone: certificates of this network, and sudo.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates sudo && apt-get clean
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN useradd --create-home --shell /bin/bash dev && echo 'dev ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev \\
 && useradd --create-home --shell /bin/bash guest
"""


@dataclass(frozen=True)
class Result:
    """The result of a command."""

    status: int
    output: str
    seconds: float


class Machine:
    """A running machine of the Debian release `suite`; `remove` it."""

    def __init__(self, client: docker.APIClient, suite: str, registry: str = "", unmasked: bool = False):
        """
        :param registry: host:port of an image registry without TLS that the engine inside trusts.
        :param unmasked: with a complete and writable /proc, which engines from 27 on and rootless engines require.
        """
        self.client, self.suite = client, suite
        image = self._image()
        host = client.create_host_config(
            init=True,
            cap_add=CAPABILITIES,
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            binds=["/sys/fs/cgroup:/sys/fs/cgroup"],
            # Layers in memory: fast, and removed with the machine.
            tmpfs={"/var/lib/docker": "exec,size=14g", "/run": "exec"},
        )
        if unmasked:
            host |= {"MaskedPaths": [], "ReadonlyPaths": []}
        proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
        self.container = client.create_container(
            image, ["sleep", "infinity"], labels=LABELS, host_config=host, environment=proxies
        )["Id"]
        client.start(self.container)
        if registry:
            self.write("/etc/docker/daemon.json", f'{{"insecure-registries": ["{registry}"]}}\n')

    def _image(self) -> str:
        """The machine's image, built if it does not exist."""
        base, image = f"cloudlab-test-machine-base:{self.suite}", f"cloudlab-test-machine:{self.suite}"
        if self.client.images(image):
            return image
        if not self.client.images(base):
            self._import_base(base)
        context = {
            "Dockerfile": DOCKERFILE.format(base=base).encode(),
            "ca-certificates.crt": next(Path(path).read_bytes() for path in BUNDLES if path and Path(path).is_file()),
        }
        build = self.client.build(
            fileobj=archive(context), custom_context=True, tag=image, rm=True, forcerm=True, labels=LABELS, decode=True
        )
        for line in build:
            assert "error" not in line, line
        return image

    def _import_base(self, image: str) -> None:
        with tempfile.TemporaryDirectory() as directory:
            root_fs = Path(directory) / "root.tar"
            with root_fs.open("wb") as output:
                # The package lists of testing expire after a week, and a mirror may have older ones.
                expired = '--aptopt=Acquire::Check-Valid-Until "false"'
                command = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", expired, self.suite, "-"]
                subprocess.run(command, stdout=output, check=True, timeout=300)
            repository, tag = image.split(":")
            labels = [f"LABEL {name}={value}" for name, value in LABELS.items()]
            self.client.import_image_from_file(str(root_fs), repository=repository, tag=tag, changes=labels)

    def write(self, path: str, text: str) -> None:
        """Create a file and its parent directories."""
        assert self.run("mkdir", "-p", str(Path(path).parent)).status == 0
        self.client.put_archive(self.container, str(Path(path).parent), archive({Path(path).name: text.encode()}))

    def clone(self, path: str, owner: str = "root") -> None:
        """Copy the tracked files of this checkout, and new ones that are not ignored, to `path`."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        assert self.run("mkdir", "-p", path).status == 0
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name in filter(None, listed):
                if (ROOT / name).is_symlink() or (ROOT / name).exists():
                    tar.add(ROOT / name, arcname=name, filter=_of_root)
        self.client.put_archive(self.container, path, stream.getvalue())
        assert self.run("chown", "-R", f"{owner}:", path).status == 0

    def run(
        self, *command: str, user: str = "root", folder: str = "/", environ: Mapping[str, str] | None = None
    ) -> Result:
        """Run a command in a login session of `user`, without a terminal."""
        begun = time.monotonic()
        # setpriv uses the current groups of the user; the engine's exec those at the start of the container.
        login = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        home = {"HOME": "/root" if user == "root" else f"/home/{user}", "USER": user}
        job = self.client.exec_create(
            self.container, [*login, *command], workdir=folder, environment=home | dict(environ or {})
        )["Id"]
        output = self.client.exec_start(job).decode(errors="replace")
        return Result(self.client.exec_inspect(job)["ExitCode"], output, time.monotonic() - begun)

    def remove(self) -> None:
        """Remove the machine."""
        self.client.remove_container(self.container, force=True, v=True)


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member


def archive(files: Mapping[str, bytes]) -> io.BytesIO:
    """A tar archive of `files`: name -> content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream
