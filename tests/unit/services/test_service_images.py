"""Images of services: their build contexts, tags and builds."""

import io
import tarfile

from cloudlab.images import contexts
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
    with tarfile.open(fileobj=io.BytesIO(contexts.archive(gather(checkout).files.items(), b"certificates"))) as tar:
        assert {*names, "ca-bundle.crt"} == set(tar.getnames())


def test_files_that_are_not_part_of_a_program_do_not_change_its_tag(checkout):
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
    """An engine whose builds succeed, except for one service, whose compiler prints `output`."""

    def __init__(self, present=(), broken="", output="cmd/order/main.go:3:1: undefined: x"):
        self.present, self.broken, self.output, self.built, self.removed = list(present), broken, output, [], []

    def images(self, name=None):
        return [{"RepoTags": [tag]} for tag in self.present if not name or tag.startswith(f"{name}:")]

    def build(self, tag, **_):
        self.built.append(tag)
        yield {"stream": "Step 1/9 : FROM x\n ---> 123\n"}
        if self.broken and self.broken in tag:
            yield {"stream": "Step 9/9 : RUN sh\n ---> Running in 5\n"}
            yield {"stream": f"\x1b[91m{self.output}\n\x1b[0m"}
            yield {"error": "The command returned a non-zero code: 1"}
            return
        self.present.append(tag)

    def remove_image(self, tag):
        self.removed.append(tag)


REFERENCES = {"order": "cloudlab/lab-order:new", "mail": "cloudlab/lab-mail:new"}


def build(client):
    built = {name: {} for name in REFERENCES}
    return service_images.build(client, list(REFERENCES), REFERENCES, built, b"", {}, report=lambda name: None)


def test_a_failed_build_has_the_compilers_output_and_the_others_are_built():
    client = Client(broken="order")
    assert build(client) == {"order": "cmd/order/main.go:3:1: undefined: x"}
    assert client.present == ["cloudlab/lab-mail:new"]


def test_a_compiler_that_the_kernel_killed_means_that_memory_ran_out():
    output = "codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed"
    assert build(Client(broken="order", output=output)) == {"order": f"{service_images.OUT_OF_MEMORY}\n{output}"}


def test_former_images_are_removed():
    client = Client(["cloudlab/lab-order:old", "cloudlab/other-order:old"])
    build(client)
    assert client.removed == ["cloudlab/lab-order:old"]
