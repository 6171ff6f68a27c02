"""scripts/setup.sh on a fresh machine of any Debian release."""

import re
from collections.abc import Collection, Iterator

from lab import Lab
from machine import Machine, Result
from registry import Registry

# A path with a space and a non-ASCII letter.
CHECKOUT = "/srv/my projects/größe"
STORES = {"postgres", "redis", "clickhouse", "elasticsearch", "zookeeper", "kafka"}


class Fresh:
    """A fresh machine with a checkout that belongs to `user`; its images come from the test registry."""

    def __init__(
        self,
        lab: Lab,
        suite: str,
        user: str,
        components: Collection[str],
        profile: str = "stores",
        unmasked: bool = False,
    ):
        """
        :param components: what is converged.
        :param unmasked: see Machine.
        """
        registry = Registry(lab)
        registry.fill(components)
        self.user = user
        # Without services, which take minutes to compile and are tested elsewhere.
        self.environ = {
            "IMAGE_SOURCE": "registry",
            "REGISTRY_MIRROR": registry.mirror_for_containers,
            "CLOUDLAB_PROFILE": profile,
        }
        self.components = set(components)
        self.machine = Machine(lab.client, suite, registry.mirror_for_containers, unmasked)
        self.machine.clone(CHECKOUT, owner=user)

    def setup(self, *arguments: str, user: str = "", **environ: str) -> Result:
        """Run scripts/setup.sh with a restrictive umask."""
        shell = 'umask 077 && exec ./scripts/setup.sh "$@"'
        return self.run("bash", "-c", shell, "setup", *arguments, user=user, **environ)

    def run(self, *command: str, user: str = "", **environ: str) -> Result:
        """Run a command in the checkout."""
        return self.machine.run(*command, user=user or self.user, folder=CHECKOUT, environ=self.environ | environ)

    def healthy(self, **environ: str) -> set[str]:
        """The components whose containers are healthy on the machine's engine, or the one that `environ` names."""
        format_ = '{{.Label "cloudlab.component"}}'
        command = ["docker", "ps", "--filter", "health=healthy", "--format", format_]
        listed = self.run(*command, user="root", **environ)
        assert listed.status == 0, listed.output
        return set(listed.output.split())

    def versions(self) -> tuple[str, str]:
        """The versions of Python and ansible-core in .venv, without the patch level."""
        result = self.run(".venv/bin/ansible-playbook", "--version", LC_ALL="C.UTF-8")
        core, python = (
            re.search(r"\[core ([\d.]+)\]", result.output),
            re.search(r"python version = ([\d.]+)", result.output),
        )
        assert core and python, result.output
        return _minor(python[1]), _minor(core[1])


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def fresh_machine(
    lab: Lab, suite: str, user: str, components: Collection[str], profile: str = "stores", unmasked: bool = False
) -> Iterator[Fresh]:
    """The machine, removed at the end of the fixture."""
    fresh = Fresh(lab, suite, user, components, profile, unmasked)
    yield fresh
    fresh.machine.remove()


def assert_complete(fresh: Fresh, result: Result) -> None:
    """Assert that the first run set up everything."""
    assert result.status == 0, result.output
    assert fresh.healthy() == fresh.components
    assert "Traceback" not in result.output, result.output
    assert fresh.run("stat", "--format=%a %U", ".env").output.split() == ["600", fresh.user]


def assert_nothing_to_do(fresh: Fresh, *arguments: str) -> None:
    """Assert that another run changes and installs nothing."""
    result = fresh.setup(*arguments)
    assert result.status == 0, result.output
    recap = re.search(r"^localhost\s*:.* changed=(\d+) ", result.output, re.MULTILINE)
    assert recap, result.output
    assert recap[1] == "0", result.output
    assert "Python 3" not in result.output, result.output
