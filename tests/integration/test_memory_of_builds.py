"""The builder's memory: a package that takes as much of it to compile as github.com/ugorji/go/codec, which gin imports.

It is built in the size `lite`; a setting that is too small is named; so is a builder that itself runs out of memory.
"""

import os
import shutil

import caches
import pytest
import stores
import yaml
from lab import ROOT, Lab

from cloudlab import engine
from cloudlab.engine.waiting import Watcher
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE
from cloudlab.services import outcome

INSTANCE = "test-builder-memory"
OFFSET = 20700
MODULE = "module memory.example/m\n\ngo 1.26\n"
RUNS = "package main\n\nimport {imports}\n\nfunc main() {{ {uses}time.Sleep(time.Hour) }}\n"
# One compiler takes 1.1 GB for it where nothing makes it save memory, as for the one that gin imports.
ENTRIES = 1_100_000
# So much that a compiler soon exceeds the smaller limit. With ENTRIES, it saves memory for minutes before it fails.
TOO_MANY = 4 * ENTRIES
# A builder that does nothing but take memory.
GREEDY = ["sh", "-c", "sleep 1; exec tail /dev/zero"]


def package(entries):
    """The source of the package that takes the memory."""
    table = "".join(f"\t{{{number}, {number}}},\n" for number in range(entries))
    return f"package huge\n\nvar Table = []struct{{ A, B int }}{{\n{table}}}\n"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A checkout with two services, one of which imports the package."""
    root = tmp_path_factory.mktemp("platform")
    # Whoever builds it may read it.
    root.chmod(0o755)
    sources = {
        "go.mod": MODULE,
        "huge/huge.go": package(TOO_MANY),
        "cmd/huge/main.go": RUNS.format(
            imports='(\n\t"time"\n\n\t"memory.example/m/huge"\n)', uses="println(len(huge.Table)); "
        ),
        "cmd/small/main.go": RUNS.format(imports='"time"', uses=""),
    }
    for name, content in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    services = {name: {"summary": name, "needs": [], "go": {"main": f"./cmd/{name}"}} for name in ("huge", "small")}
    (root / "cloudlab.yml").write_text(yaml.safe_dump({"services": services}), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def lab(platform):
    """The instance with its two services in the size `lite`, removed at the end."""
    chosen = {
        "CLOUDLAB_ENV_FILE": "",
        "CLOUDLAB_INSTANCE": INSTANCE,
        "PORT_OFFSET": str(OFFSET),
        "CLOUDLAB_PROFILE": "lite",
        "IMAGE_SOURCE": "packages",
        "PLATFORM_SRC": str(platform),
    }
    found = Lab(dict(os.environ) | chosen)
    found.remove_everything()
    # The standard library need not be compiled again, if another scenario has done so by now.
    caches.provide(found)
    yield found
    found.remove_everything()
    shutil.rmtree(ROOT / ".cloudlab" / INSTANCE, ignore_errors=True)


def test_too_little_memory_is_named_with_its_setting(lab):
    run = lab.playbook("dev", "--tags", "huge,small", status=2, BUILDER_MEMORY="512m")
    said = " ".join(run.output.split())
    assert (
        "huge: cannot be built the builder ran out of memory (limit 512 MiB). "
        "Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml."
    ) in said
    assert "memory.example/m/huge" in said
    assert "small: cannot be built" not in said
    assert lab.is_healthy("small")
    log = lab.client.logs(lab.container("builder")).decode()
    assert "the builder ran out of memory: retrying with fewer parallel compilers" in log


def test_in_lite_everything_is_built(lab, platform):
    (platform / "huge" / "huge.go").write_text(package(ENTRIES), encoding="utf-8")
    before = lab.identities()["builder"]
    lab.converge("huge", "small")
    assert lab.is_healthy("huge") and lab.is_healthy("small")
    # A limit is raised in place: what was compiled goes on being compiled.
    assert lab.identities()["builder"] == before


@pytest.fixture
def greedy(lab):
    """The name of a container that is restarted again and again because memory runs out."""
    name = f"{INSTANCE}-greedy"
    limits = lab.client.create_host_config(
        mem_limit="64m", memswap_limit="64m", restart_policy={"Name": "unless-stopped"}, init=True
    )
    labels = {LABEL_INSTANCE: INSTANCE, LABEL_COMPONENT: "greedy"}
    image = stores.image_of("base-trixie")
    made = lab.client.create_container(image, entrypoint=GREEDY, name=name, host_config=limits, labels=labels)
    lab.client.start(made)
    yield name
    lab.client.remove_container(made, force=True)


def test_a_builder_that_is_restarted_for_want_of_memory_ends_the_wait(greedy):
    connected = engine.connect()
    huge = outcome.Service("huge", ())
    waiting = outcome.Waiting(connected, greedy, [huge], 120, 1, Watcher(connected.client))
    try:
        with pytest.raises(outcome.BuilderError, match=r"^the builder ran out of memory \(limit 64 MiB\)"):
            waiting.run()
    finally:
        connected.close()
