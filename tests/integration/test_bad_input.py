"""Invalid input and unsuitable machines: the messages, and that nothing is changed.

Every row starts a real playbook against the real engine, with one thing wrong.
"""

import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest
from lab import ROOT, Lab

INSTANCE = "test-bad-input"
OFFSET = 20560


@pytest.fixture(scope="module")
def lab():
    """An instance that is never created."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    found = Lab(dict(os.environ) | settings)
    yield found
    shutil.rmtree(ROOT / ".cloudlab" / INSTANCE, ignore_errors=True)


@pytest.fixture
def refused(lab):
    """Run dev.yml, which must fail without a traceback and change nothing; returns its output in one line."""

    def run(*arguments, **settings):
        before = lab.containers(), lab.networks(), lab.volumes()
        done = lab.playbook("dev", *arguments, status=None, **settings)
        assert done.status != 0, done.output
        assert "Traceback" not in done.output
        assert (lab.containers(), lab.networks(), lab.volumes()) == before
        return " ".join(done.output.split())

    return run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"POSTGRES_PORT 5432\n", ":1: not an assignment. Write KEY=value"),
        (b"LOG_LEVEL=debug\nREDIS_PASSWORD='open\n", ":2: the value of REDIS_PASSWORD has no closing '"),
        (b"REDIS_PASSWORD=pa$word\n", ":1: the value of REDIS_PASSWORD holds a $ that starts a variable"),
        (b"REDIS_PASSWORD=gr\xfc\xdfe\n", ":1: byte 0xfc is not UTF-8. Save the file in the encoding UTF-8."),
        (b"POSTGRES_PROT=5432\n", ":1: unknown key POSTGRES_PROT. Did you mean POSTGRES_PORT?"),
        (b"POSTGRES_PORT=5432\nPOSTGRES_PORT=5433\n", ":2: POSTGRES_PORT is set a second time (first on line 1)."),
        (b"POSTGRES_PORT=many\r\n", ":1: POSTGRES_PORT is 'many'; it must be a whole number from 1 to 65535."),
        (b"POSTGRES_PORT=70000\n", ":1: POSTGRES_PORT is 70000; it must be from 1 to 65535."),
        (b"REDIS_PASSWORD=\n", ":1: REDIS_PASSWORD must be at least one character"),
        (b"IMAGE_SOURCE=ftp\n", ":1: IMAGE_SOURCE is 'ftp'; it must be one of auto, registry, packages."),
    ],
)
def test_env_file(refused, tmp_path, content, message):
    path = tmp_path / ".env"
    path.write_bytes(content)
    assert f"{path}{message}" in refused(CLOUDLAB_ENV_FILE=str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tags", "jenkins"], "unknown tag jenkins. Valid: "),
        (["--tags", "kafak"], "unknown tag kafak. Did you mean kafka? Valid: "),
        (["--limit", "nowhere"], "--limit nowhere: unknown host. Valid: localhost, all."),
        (["--start-at-task", "Start Kafka"], "--start-at-task is not supported: it would skip the preflight checks."),
        (["--skip-tags", "kafka"], "--skip-tags is not supported: the tags of a component include its dependents"),
        (["-e", "cloudlab_profile=huge"], "unknown profile huge. Valid: full, lite, "),
        (
            ["-e", json.dumps({"cloudlab_profile": "mine", "profiles": {"mine": {"components": ["kafak"]}}})],
            "unknown component in profile mine: kafak. Did you mean kafka?",
        ),
        (["-e", "redis_port=5432"], f"port {5432 + OFFSET} is used twice: postgres (sql) and redis (redis)."),
        (["-e", "port_offset=60000"], "is above 65535. Lower PORT_OFFSET."),
        (["-e", "redis_maxmemory_policy=some"], "role redis: value of redis_maxmemory_policy must be one of:"),
        (["-e", "cloudlab_instance=My-Lab"], "CLOUDLAB_INSTANCE is 'My-Lab'; must be up to 31 lower-case letters"),
    ],
)
def test_command_line(refused, arguments, message):
    assert message in refused(*arguments)


def test_a_service_that_needs_what_a_setting_excludes(refused, tmp_path):
    (tmp_path / "go.mod").write_text("module example.com/m\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n")
    description = tmp_path / "cloudlab.yml"
    description.write_text("services:\n  mail: {summary: Mail, needs: [zookeeper], go: {main: .}}\n")
    assert (
        f"{description}: services.mail.needs: zookeeper is not part of this environment with KAFKA_MODE=kraft. "
        "Remove it from `needs`, or set KAFKA_MODE=zookeeper in .env."
    ) in refused(KAFKA_MODE="kraft", PLATFORM_SRC=str(tmp_path))


def test_all_problems_of_the_machine_are_reported_in_one_run(refused, lab):
    """Too little memory, too little disk space, a port in use and an overlapping subnet: a line with a fix for each."""
    client = lab.client
    networks = {name: dict(network) for name, network in lab.values["networks"].items()}
    networks["database"]["subnet"] = "10.231.7.0/24"
    pool = {"Subnet": "10.231.0.0/16"}
    office = client.create_network("bad-input-office", ipam={"Driver": "default", "Config": [pool]})
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", lab.port("redis", "redis")))
            listener.listen()
            said = refused(
                "-e",
                json.dumps({"preflight_memory_min": "900g", "preflight_disk_min": "900t", "networks": networks}),
            )
    finally:
        client.remove_network(office["Id"])
    assert "900.0 GiB is required. Give " in said
    assert "900.0 TiB is required. Free some space" in said
    assert f"port {lab.port('redis', 'redis')} (for redis) is already in use by " in said
    assert f"(pid {os.getpid()})" in said
    assert "the subnet 10.231.7.0/24 of networks.database overlaps the network bad-input-office (10.231.0.0/16)" in said


@pytest.mark.parametrize("kind", ["container", "network", "volume"])
def test_an_unmanaged_object_with_our_name_is_kept(refused, lab, kind):
    name = f"{INSTANCE}-redis" if kind == "container" else f"{INSTANCE}-database"
    name = f"{INSTANCE}-redis-data" if kind == "volume" else name
    client = lab.client
    if kind == "container":
        client.import_image_from_data(b"\0" * 10240, repository="bad-input-empty")
        identity = client.create_container("bad-input-empty", ["/nothing"], name=name)["Id"]
        remove, look = client.remove_container, client.inspect_container
    elif kind == "network":
        identity = client.create_network(name)["Id"]
        remove, look = client.remove_network, client.inspect_network
    else:
        identity = client.create_volume(name)["Name"]
        remove, look = client.remove_volume, client.inspect_volume
    try:
        said = refused("--tags", "redis")
        assert f"the {kind} {name} exists but is not managed by this environment" in said
        assert look(identity)
    finally:
        remove(identity)
        if kind == "container":
            client.remove_image("bad-input-empty")


def test_an_empty_secret(refused, lab):
    directory = lab.directory / "secrets"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "probe").write_text("")
    playbook = lab.directory / "probe.yml"
    playbook.write_text(
        "- {name: Probe, hosts: localhost, tasks: [{name: Read, ansible.builtin.debug: {msg: "
        f"\"{{{{ lookup('secret', 'probe', directory='{lab.directory}') }}}}\"}}}}]}}\n"
    )
    done = lab.run(playbook, status=None)
    assert done.status != 0
    assert f"the secret {directory / 'probe'} is empty. Delete the file to generate a new secret" in " ".join(
        done.output.split()
    )


def test_two_runs_at_once(lab, tmp_path):
    """The message names the first process; the lock is released when that exits."""
    holder = subprocess.Popen(["sleep", "600"])
    try:
        take = "import sys; from cloudlab.engine import lock; from pathlib import Path; "
        take += "lock.acquire(Path(sys.argv[1]), int(sys.argv[2]))"
        lock = lab.directory / "lock"
        command = ["python", "-c", take, str(lock), str(holder.pid)]
        subprocess.run(command, check=True, timeout=30)
        done = lab.playbook("stop", status=None)
        assert done.status != 0
        assert f"another run (pid {holder.pid}, since" in " ".join(done.output.split())
    finally:
        holder.kill()
        holder.wait()
    lab.playbook("stop")


# The engine


class _Engine(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def engine_that_says(path: Path, version: dict):
    """A server on a unix socket that answers every request with `version`, as GET /version would be."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(version).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            """Do not log requests."""

    with _Engine(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_no_engine_at_the_address(refused, tmp_path):
    said = refused(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert f"{tmp_path}/none.sock" in said
    assert "does not exist. Start the engine that listens there, or unset DOCKER_HOST" in said


def test_a_socket_that_nobody_listens_on(refused, tmp_path):
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    said = refused(DOCKER_HOST=f"unix://{path}")
    assert f"no process listens on the socket {path}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_no_permission(lab, tmp_path):
    """The message names the group to join."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    environ = lab.environ | {"HOME": str(home), "ANSIBLE_LOCAL_TEMP": str(home / "tmp"), "ANSIBLE_HOME": str(home)}
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", shutil.which("python"), "-c", PROBE],
        env=environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "/var/run/docker.sock" in done.stdout, done.stderr
    assert "usermod -aG docker" in done.stdout


PROBE = """
from cloudlab import engine
try:
    engine.connect({})
except engine.EngineError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ({"Version": "18.09", "ApiVersion": "1.39", "MinAPIVersion": "1.12"}, ["1.39", "1.41"]),
        ({"Version": "99.0", "ApiVersion": "1.99", "MinAPIVersion": "1.90"}, ["1.90", "1.45"]),
    ],
)
def test_an_engine_of_the_wrong_age(refused, tmp_path, version, words):
    path = tmp_path / "engine.sock"
    with engine_that_says(path, version):
        said = refused(DOCKER_HOST=f"unix://{path}")
    for word in words:
        assert word in said
    assert version["Version"] in said
