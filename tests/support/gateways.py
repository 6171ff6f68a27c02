"""A gateway on separate networks, converged by its role, with programmable services."""

import base64
import json
import os
import subprocess
import time
import uuid
from pathlib import Path

import docker
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from stores import ROOT, free_port, image_of

import playbooks
from cloudlab.model import environment

UPSTREAM = ROOT / "tests" / "integration" / "gateway" / "upstream"
NETWORKS = ("frontend", "backend", "monitoring")
ENTRY = {
    "summary": "API gateway",
    "role": "gateway",
    "kind": "gateway",
    "image": "gateway",
    "networks": list(NETWORKS),
    "ports": [{"name": "http", "container": 8080, "setting": "api_gateway_port"}],
    "resources": {"full": {"memory": "128m", "cpus": 1, "pids": 64}},
}
ISSUER, AUDIENCE = "http://auth:8080", "platform"


def build_upstream(folder: Path) -> Path:
    """The binary of the services and of the gRPC client."""
    binary = folder / "upstream"
    build = ["go", "build", "-o", str(binary), "."]
    subprocess.run(build, cwd=UPSTREAM, env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}, check=True, timeout=120)
    return binary


class Keys:
    """A key pair of auth: `jwks` publishes it, `token` signs."""

    def __init__(self, kid: str = "k1"):
        self.kid, self._key = kid, ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        numbers = self._key.public_key().public_numbers()
        x, y = (_b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": x, "y": y}
        return json.dumps({"keys": [key]})

    def token(self, **changes) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": [AUDIENCE], "sub": "u-1", "tenant": "t-1", "roles": ["admin", "buyer"]}
        claims |= {"iat": now, "exp": now + 300} | changes
        head = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Gateway:
    """The gateway and its services; `remove` removes them."""

    def __init__(self, directory: Path, binary: Path):
        self.directory, self.binary, self.keys = directory, binary, Keys()
        self.instance = f"gw-{uuid.uuid4().hex[:8]}"
        self.api = docker.APIClient(timeout=60)
        self.port = free_port()
        values = {
            "catalogue": {"gateway": ENTRY},
            "cloudlab_instance": self.instance,
            "port_offset": 0,
            "api_gateway_port": self.port,
        }
        self.component = environment.component("gateway", values, "full", {"cpus": os.cpu_count()})
        self.component["spec"]["image"] = image_of("gateway")
        self.name = self.component["container"]
        self.url = f"http://127.0.0.1:{self.port}"
        for network in NETWORKS:
            self.api.create_network(f"{self.instance}-{network}", labels={"cloudlab.instance": self.instance})

    def serve(self, name: str, replica: int = 1) -> str:
        """Start a service; returns its container's name."""
        container = f"{self.instance}-{name}-{replica}"
        host = self.api.create_host_config(
            binds=[f"{self.binary}:/upstream:ro"], network_mode=f"{self.instance}-backend", init=True
        )
        networks = self.api.create_networking_config(
            {f"{self.instance}-backend": self.api.create_endpoint_config(aliases=[name])}
        )
        self.api.create_container(
            image_of("base-trixie"),
            ["/upstream", "serve", name],
            name=container,
            hostname=f"{name}-{replica}",
            environment={"JWKS": self.keys.jwks()},
            host_config=host,
            networking_config=networks,
            labels={"cloudlab.instance": self.instance},
        )
        self.api.start(container)
        return container

    def converge(self, services: list, *arguments: str, **settings) -> "Run":
        """Run the role as a play does."""
        context = {
            "instance": self.instance,
            "directory": str(self.directory),
            "components": {"gateway": self.component},
        }
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["gateway"]}
        play["module_defaults"] = {"containers": {"instance": self.instance, "directory": str(self.directory)}}
        play["vars"] = {"cloudlab": context, "gateway_services": services, "gateway_tracing_endpoint": ""} | settings
        playbook = self.directory / "play.json"
        playbook.write_text(json.dumps([play]))
        environ = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "CLOUDLAB_ENV_FILE": ""}
        environ |= {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_ROLES_PATH": str(ROOT / "roles")}
        return Run(playbooks.run([playbook, "--diff", *arguments], environ, seconds=120))

    def inspect(self) -> dict:
        return self.api.inspect_container(self.name)

    def wait_healthy(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while (state := self.inspect()["State"])["Health"]["Status"] != "healthy":
            assert time.monotonic() < deadline and state["Status"] == "running", f"{state}\n{self.log()}"
            time.sleep(0.1)

    def log(self) -> str:
        return self.api.logs(self.name).decode(errors="replace")

    def requests_logged(self, request_id: str) -> list[dict]:
        """The access log lines of one request. Waits for them, because they are written after the response."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self.log().splitlines() if f'"{request_id}"' in line]
            if lines:
                return lines
            time.sleep(0.1)
        raise AssertionError(f"no line with {request_id}:\n{self.log()[-3000:]}")

    def execute(self, container: str, *command: str) -> tuple[int, str]:
        job = self.api.exec_create(container, list(command))["Id"]
        output = self.api.exec_start(job).decode(errors="replace")
        return self.api.exec_inspect(job)["ExitCode"], output

    def get(self, path: str, **arguments) -> requests.Response:
        return self.send("GET", path, **arguments)

    def send(
        self, method: str, path: str, *, token: str = "", headers: dict | None = None, **arguments
    ) -> requests.Response:
        headers = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return requests.request(method, self.url + path, headers=headers, timeout=30, **arguments)

    def eventually(self, status: int, path: str, seconds: float = 20, **arguments) -> requests.Response:
        """Repeat the request until the response has the status, for changes of name resolution or of containers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                response = self.get(path, **arguments)
                if response.status_code == status:
                    return response
                last = f"{response.status_code} {response.text}"
            except requests.ConnectionError as error:
                last = str(error)
            assert time.monotonic() < deadline, f"no {status} for {path}: {last}"
            time.sleep(0.1)

    def call(self, method: str, message: str, token: str = "") -> dict:
        """A unary gRPC call through the gateway."""
        command = [str(self.binary), "call", f"127.0.0.1:{self.port}", method, message, *([token] if token else [])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def remove(self) -> None:
        for found in self.api.containers(all=True, filters={"label": f"cloudlab.instance={self.instance}"}):
            self.api.remove_container(found["Id"], force=True, v=True)
        for network in NETWORKS:
            self.api.remove_network(f"{self.instance}-{network}")
        self.api.close()


class Run:
    """A finished run: `failed`, `changed`, and the results of its tasks by name."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.output = done.stdout + done.stderr
        assert done.stdout.lstrip().startswith("{"), self.output
        tasks = json.loads(done.stdout)["plays"][0]["tasks"]
        self.failed = done.returncode != 0
        self.results = [task["hosts"]["localhost"] for task in tasks if task["hosts"]]
        self.gateway = next((result for result in self.results if result.get("action") == "gateway_config"), {})
        self.changed = any(result.get("changed") for result in self.results)

    @property
    def message(self) -> str:
        return next((result.get("msg", "") for result in self.results if result.get("failed")), "")
