"""Images of services: what they are built from, their tags and builds."""

import io
import tarfile

import pytest
from docker.errors import NotFound

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


def test_the_sources(checkout):
    checkout.write(".git/HEAD", "x")
    checkout.write("web/node_modules/a.js", "x")
    checkout.write("big.bin", "x")
    checkout.write(".dockerignore", "# large\nbig.bin\n")
    names = set(gather(checkout).files)
    assert {"Dockerfile", "src/go.mod", "src/cmd/order/main.go", "reload/cmd/runner/main.go"} <= names
    assert not any(
        ".git/" in name or "node_modules" in name or "big.bin" in name or "_test.go" in name for name in names
    )


@pytest.mark.parametrize(
    ("folder", "names"),
    [("conf", {"conf/a.yml", "conf/sub/b.yml"}), ("./conf/sub", {"conf/sub/b.yml"}), ("con", set())],
)
def test_the_files_below_a_folder(checkout, folder, names):
    checkout.write("conf/a.yml", "a")
    checkout.write("conf/sub/b.yml", "b")
    assert gather(checkout).below(folder).keys() == names


def test_the_files_below_the_root(checkout):
    sources = gather(checkout)
    assert sources.below(".").keys() == {name.removeprefix("src/") for name in sources.files if name.startswith("src/")}


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
        "MODULE": ".",
        "MAIN": "./cmd/order",
        "TAGS": "",
        "KEEP": "",
    }
    assert (built["mail"]["TAGS"], built["mail"]["KEEP"]) == ("a,b", "conf")
    assert (built["tool"]["MODULE"], built["tool"]["KEEP"]) == ("sub", "")
    assert service_images.packages(entries().values()) == ".||./cmd/order\n.|a,b|./cmd/mail\nsub||./."


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
    changed = platform.entry({"summary": "Service", "go": {"main": "./cmd/order", "tags": ["fast"]}})
    before, after = references(checkout), references(checkout, order=changed)
    assert after["order"] != before["order"] and after["mail"] == before["mail"]


class Client:
    """An engine with a builder that compiled `programs`; it refuses to build the image of the service `broken`."""

    def __init__(self, programs, present=(), broken=""):
        self.programs, self.present, self.broken = programs, list(present), broken
        self.contexts, self.arguments, self.removed = {}, {}, []

    def get_archive(self, container, path):
        assert container == "lab-builder"
        content = self.programs.get(path.removeprefix("/go/bin/"))
        if content is None:
            raise NotFound(f"no {path}")
        return [contexts.tar([("program", content, 0o755)])], {}

    def images(self, name=None):
        return [{"RepoTags": [tag]} for tag in self.present if not name or tag.startswith(f"{name}:")]

    def build(self, tag, fileobj, buildargs, **_):
        with tarfile.open(fileobj=io.BytesIO(fileobj.read())) as archive:
            self.contexts[tag] = {
                member.name: (archive.extractfile(member).read(), member.mode) for member in archive.getmembers()
            }
        self.arguments[tag] = buildargs
        yield {"stream": "Step 1/4 : FROM x\n"}
        if self.broken and self.broken in tag:
            yield {"error": "no space left on device"}
            return
        self.present.append(tag)

    def remove_image(self, tag):
        self.removed.append(tag)


IMAGES = {"order": "cloudlab/lab-order:new", "mail": "cloudlab/lab-mail:new"}
PROGRAMS = {"runner": b"runs", "services/order/program": b"orders", "services/mail/program": b"mails"}


def build(client, checkout):
    checkout.write("conf/a.yml", "a: 1\n")
    built = service_images.arguments(IMAGES, entries(), "go:1", "debian:1")
    return service_images.build(client, "lab-builder", gather(checkout), IMAGES, built, report=lambda name: None)


def test_an_image_has_the_program_the_health_probe_and_the_kept_folder(checkout):
    client = Client(PROGRAMS)
    assert build(client, checkout) == {}
    assert sorted(client.present) == sorted(IMAGES.values())
    built = client.contexts[IMAGES["mail"]]
    assert built["out/cloudlab/service"] == (b"mails", 0o755)
    assert built["out/cloudlab/bin/runner"] == (b"runs", 0o755)
    assert built["out/src/conf/a.yml"] == (b"a: 1\n", 0o644)
    assert built.keys() == {
        "Dockerfile", "out/cloudlab/service", "out/cloudlab/bin/runner", "out/src/conf/a.yml",
    }  # fmt: skip
    assert client.arguments[IMAGES["mail"]] == {"RUNTIME": "debian:1"}
    assert client.contexts[IMAGES["order"]]["out/cloudlab/service"] == (b"orders", 0o755)


@pytest.mark.parametrize(
    ("client", "cause"),
    [
        (Client(PROGRAMS, broken="order"), "no space left on device"),
        (Client(PROGRAMS | {"services/order/program": None}), "the engine reports: no /go/bin/services/order/program"),
    ],
)
def test_a_failed_build_does_not_affect_the_others(checkout, client, cause):
    assert build(client, checkout) == {"order": cause}
    assert client.present == [IMAGES["mail"]]


def test_without_the_health_probe_nothing_is_built(checkout):
    with pytest.raises(NotFound):
        build(Client({}), checkout)


def test_former_images_are_removed(checkout):
    client = Client(PROGRAMS, ["cloudlab/lab-order:old", "cloudlab/other-order:old"])
    build(client, checkout)
    assert client.removed == ["cloudlab/lab-order:old"]
