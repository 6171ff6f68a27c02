"""The engine of a fresh machine with other settings, and runs of the playbooks with it."""

import json
from typing import Any

from fresh import Fresh
from lab import Run, wait_until

SETTINGS = "/etc/docker/daemon.json"
ROOTLESS = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
STOP = "pid=$(cat /var/run/docker.pid) && kill $pid && tail --pid=$pid --follow /dev/null"
START = ".venv/bin/python roles/engine/files/start_engine.py --timeout=60 --log=/var/log/dockerd.log"


def stop(fresh: Fresh) -> None:
    """Stop the engine."""
    _root(fresh, STOP)


def restart(fresh: Fresh, **settings: Any) -> None:
    """Restart the engine with settings in daemon.json, besides that for the test registry."""
    stop(fresh)
    fresh.machine.write(SETTINGS, _settings(fresh, settings))
    _root(fresh, START)


def reset(fresh: Fresh) -> None:
    """Remove the environment: engines with other data do not see its containers."""
    result = fresh.run("./scripts/reset.sh", "everything", "--yes")
    assert result.status == 0, result.output


def start_rootless(fresh: Fresh) -> dict[str, str]:
    """Start an engine of the machine's user; return the environment of its clients."""
    user, home = fresh.user, f"/home/{fresh.user}"
    run = f"/run/user/{fresh.run('id', '--user').output.strip()}"
    data = f"{home}/.local/share/docker"
    _root(
        fresh,
        f"""
        apt-get install --quiet=2 --yes --no-install-recommends iproute2 rootlesskit slirp4netns
        mkdir -p /dev/net && mknod --mode=666 /dev/net/tun c 10 200
        mkdir -p {data} {run} {home}/.config/docker
        mount -t tmpfs -o exec,size=12g tmpfs {data}
        chown {user}: {home}/.local {home}/.local/share {data} {run} {home}/.config {home}/.config/docker
        """,
    )
    # By default, its networks have the addresses of the network that the machine is in.
    pools = [{"base": "10.200.0.0/16", "size": 24}]
    fresh.machine.write(f"{home}/.config/docker/daemon.json", _settings(fresh, {"default-address-pools": pools}))
    environ = {"XDG_RUNTIME_DIR": run, "DOCKER_HOST": f"unix://{run}/docker.sock"}
    started = fresh.run("bash", "-c", f"setsid {ROOTLESS} >/tmp/rootless.log 2>&1 </dev/null &", **environ)
    assert started.status == 0, started.output
    wait_until(lambda: fresh.run("docker", "version", **environ).status == 0, "the rootless engine answers", 60)
    return environ


def _settings(fresh: Fresh, settings: dict[str, Any]) -> str:
    return json.dumps({"insecure-registries": [fresh.environ["REGISTRY_MIRROR"]]} | settings)


def _root(fresh: Fresh, script: str) -> None:
    """Run a script as root in the checkout."""
    done = fresh.run("bash", "-euc", script, user="root")
    assert done.status == 0, done.output


def converge(fresh: Fresh, *arguments: str, **environ: str) -> Run:
    """Converge the machine's components, which must succeed."""
    tags = ["--tags", ",".join(sorted(fresh.components))]
    done = fresh.run(".venv/bin/ansible-playbook", "playbooks/dev.yml", *tags, *arguments, **environ)
    assert done.status == 0, done.output
    return Run(done.status, done.output, done.seconds)


def assert_converges(fresh: Fresh, **environ: str) -> Run:
    """Assert that everything gets healthy, and that a second run changes nothing; return the first run."""
    first = converge(fresh, **environ)
    assert fresh.healthy(**environ) == fresh.components
    second = converge(fresh, **environ)
    assert second.changed == 0, second.output
    return first


def inspect(fresh: Fresh, component: str, **environ: str) -> dict[str, Any]:
    """The inspection of the component's container."""
    result = fresh.run("docker", "inspect", f"cloudlab-{component}", **environ)
    assert result.status == 0, result.output
    return json.loads(result.output)[0]


def identities(fresh: Fresh) -> dict[str, tuple[str, str]]:
    """Component -> (ID, start time) of its container."""
    found = {component: inspect(fresh, component) for component in fresh.components}
    return {name: (item["Id"], item["State"]["StartedAt"]) for name, item in found.items()}
