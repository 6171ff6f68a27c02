"""Images of services: what they are made of, and the tags that follow from it."""

import io
import tarfile

import pytest

from cloudlab.model import platform, settings
from cloudlab.services import images as service_images

RECIPE = settings.ROOT / "roles" / "go_service" / "files"
RELOAD = settings.ROOT / "files" / "reload"


def gather(checkout):
    return service_images.gather(checkout.root, RELOAD, RECIPE)


def entries():
    return {
        "order": platform.entry({"summary": "Service", "go": {"main": "./cmd/order"}, "health": {"tcp": 1}}),
        "mail": platform.entry(
            {"summary": "Service", "go": {"main": "cmd/mail/", "tags": ["b", "a"], "working_dir": "conf"}}
        ),
        "tool": platform.entry({"summary": "Service", "go": {"module": "sub", "main": "."}}),
    }


def references(checkout, **changes):
    built = service_images.arguments(entries(), entries() | changes, "go:1", "debian:1")
    return service_images.references("lab", gather(checkout), built)


def test_the_context(checkout):
    checkout.write(".git/HEAD", "x")
    checkout.write("web/node_modules/a.js", "x")
    checkout.write("big.bin", "x")
    checkout.write(".dockerignore", "# large\nbig.bin\n")
    names = set(gather(checkout).files)
    assert {"Dockerfile", "build.sh", "src/go.mod", "modules/go.mod", "src/cmd/order/main.go"} <= names
    assert "reload/cmd/runner/main.go" in names
    assert not any(
        ".git/" in name or "node_modules" in name or "big.bin" in name or "_test.go" in name for name in names
    )
    with tarfile.open(fileobj=io.BytesIO(service_images.archive(gather(checkout), b"certificates"))) as tar:
        assert {*names, "ca-bundle.crt"} == set(tar.getnames())


def test_what_is_no_part_of_a_program_does_not_count(checkout):
    before = references(checkout)
    checkout.describe()
    checkout.write("cmd/order/main_test.go", "package main\n")
    assert references(checkout) == before


def test_build_arguments():
    built = service_images.arguments(["order", "mail", "tool"], entries(), "go:1", "debian:1")
    assert built["order"] == {
        "TOOLCHAIN": "go:1",
        "RUNTIME": "debian:1",
        "PACKAGES": ".||./cmd/order\n.|a,b|./cmd/mail\nsub||./.",
        "MODULE": ".",
        "MAIN": "./cmd/order",
        "TAGS": "",
        "KEEP": "",
        "WORKING_DIR": "/src",
        "HEALTH": "tcp://127.0.0.1:1",
    }
    assert (built["mail"]["TAGS"], built["mail"]["KEEP"], built["mail"]["WORKING_DIR"]) == ("a,b", "conf", "/src/conf")
    assert (built["tool"]["MODULE"], built["tool"]["HEALTH"]) == ("sub", "container:")


def test_tags_are_the_same_for_the_same_content(checkout):
    before = references(checkout)
    assert before["order"].startswith("cloudlab/lab-order:")
    (checkout.root / "cmd/order/main.go").touch()
    assert references(checkout) == before


def test_a_changed_file_gives_new_tags(checkout):
    before = references(checkout)
    checkout.write("cmd/order/main.go", "package main // changed\n")
    assert references(checkout)["order"] != before["order"]


def test_a_changed_description_gives_that_service_a_new_tag(checkout):
    changed = platform.entry({"summary": "Service", "go": {"main": "./cmd/order"}, "health": {"tcp": 2}})
    before, after = references(checkout), references(checkout, order=changed)
    assert after["order"] != before["order"] and after["mail"] == before["mail"]


class Client:
    """An engine that builds what it is told, except for one service, whose compiler says why."""

    def __init__(self, present=(), broken="", said="cmd/order/main.go:3:1: undefined: x"):
        self.present, self.broken, self.said, self.built, self.removed = list(present), broken, said, [], []

    def images(self, name=None):
        return [{"RepoTags": [tag]} for tag in self.present if not name or tag.startswith(f"{name}:")]

    def build(self, tag, **_):
        self.built.append(tag)
        yield {"stream": "Step 1/9 : FROM x\n ---> 123\n"}
        if self.broken and self.broken in tag:
            yield {"stream": "Step 9/9 : RUN sh\n ---> Running in 5\n"}
            yield {"stream": f"\x1b[91m{self.said}\n\x1b[0m"}
            yield {"error": "The command returned a non-zero code: 1"}
            return
        self.present.append(tag)

    def remove_image(self, tag):
        self.removed.append(tag)


@pytest.fixture
def wanted():
    return {"order": "cloudlab/lab-order:new", "mail": "cloudlab/lab-mail:new"}


def build(client, wanted):
    return service_images.build(
        client, list(wanted), wanted, {name: {} for name in wanted}, b"", {}, report=lambda name: None
    )


def test_only_what_is_missing_is_built(wanted):
    client = Client(["cloudlab/lab-mail:new", "cloudlab/lab-order:old"])
    assert service_images.missing(client, wanted) == ["order"]


def test_one_that_cannot_be_built_is_told_in_the_compilers_words_and_the_others_are_built(wanted):
    client = Client(broken="order")
    assert build(client, wanted) == {"order": "cmd/order/main.go:3:1: undefined: x"}
    assert client.present == ["cloudlab/lab-mail:new"]


def test_a_compiler_that_the_kernel_killed_means_that_memory_ran_out(wanted):
    said = "codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed"
    assert build(Client(broken="order", said=said), wanted) == {"order": f"{service_images.OUT_OF_MEMORY}\n{said}"}


def test_former_images_are_removed(wanted):
    client = Client(["cloudlab/lab-order:old", "cloudlab/other-order:old"])
    build(client, wanted)
    assert client.removed == ["cloudlab/lab-order:old"]
