"""Images against the real engine: pulled from a registry of this machine, built from contexts, and what goes wrong."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from docker.errors import ImageNotFound
from faulty_registry import CUT, REFUSE, relay

from cloudlab import engine
from cloudlab.images import build, contexts, converge, plan, progress, pull, registry

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".cloudlab" / "test-tools"
PREFIX = f"images-test-{uuid.uuid4().hex[:6]}"
TAG = "1.0"


def tool(name: str) -> str:
    """A program of the distribution, from PATH or unpacked for the tests."""
    if not (shutil.which(name) or (TOOLS / name).exists()):
        subprocess.run([ROOT / "tests" / "support" / "fetch_tools.sh"], check=True)
    return shutil.which(name) or str(TOOLS / name)


@pytest.fixture(scope="module")
def client():
    connected = engine.connect(timeout=60)
    yield connected.client
    connected.close()


@pytest.fixture(autouse=True)
def own_lock(tmp_path, monkeypatch):
    """Builds of this user outside the tests neither wait for these nor hold them up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(autouse=True)
def no_images_left(client):
    yield
    for image in ours(client):
        with contextlib.suppress(ImageNotFound):
            client.remove_image(image, force=True)


def ours(client) -> list[str]:
    """Ids of the images that carry this module's name and of all layers on top of them, children before parents."""
    images = client.images(all=True)
    parents = {image["Id"]: image["ParentId"] for image in images}
    named = {
        image["Id"]
        for image in images
        if any(PREFIX in name for name in [*(image["RepoTags"] or []), *(image["RepoDigests"] or [])])
    }

    def ancestry(image):
        return [image, *ancestry(parents[image])] if image in parents else []

    lines = {image: ancestry(image) for image in parents}
    return sorted((image for image in lines if named & set(lines[image])), key=lambda image: -len(lines[image]))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """host:port of a registry that serves this test only."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [tool("docker-registry"), "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
        try:
            until(lambda: urllib.request.urlopen(f"http://{address}/v2/", timeout=2).status == 200)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=10)


def until(condition, seconds=15.0):
    """Wait until `condition` holds without raising."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def silent_registry():
    """host:port of something that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        held = []

        def hold():
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=hold, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("content")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
        # Enough for a command in a build.
        tar.add(tool("busybox"), "bin/sh")
    return buffer.getvalue()


def publish(client, mirror, path, text="one", tag=TAG) -> str:
    """Put an image into the registry and out of the engine; return its digest."""
    name = f"{mirror}/{path}"
    client.import_image_from_data(archive(text), repository=name, tag=tag)
    last = [event for event in client.push(name, tag=tag, stream=True, decode=True) if "aux" in event][-1]
    client.remove_image(f"{name}:{tag}", force=True)
    return last["aux"]["Digest"]


@pytest.fixture
def root(tmp_path, client):
    """Contexts base -> app, where the base is a script that needs no network."""
    root = tmp_path / "contexts"
    (tmp_path / "base.tar").write_bytes(archive("base"))
    write(root / "rootfs.sh", f"#!/bin/sh\ncat '{tmp_path}/base.tar'\n", 0o755)
    write(root / f"{PREFIX}-base" / "suite", "none")
    write(
        root / f"{PREFIX}-app" / "Dockerfile",
        f'ARG BASE=cloudlab/{PREFIX}-base\nFROM ${{BASE}} AS fetch\nCOPY ca-bundle.crt /\nRUN ["/bin/sh", "-c", '
        '"read -r line </ca-bundle.crt && echo trusted: $line >/seen"]\nFROM ${BASE}\nCOPY --from=fetch /seen /seen\n',
    )
    return root


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


class Run:
    """One run of the action's logic over one image, `key`: app."""

    def __init__(self, client, tmp_path, root, **image):
        self.client, self.root, self.logs, self.lines, self.asked = client, root, tmp_path / "logs", [], []
        self.image = {"key": "app", "repository": f"docker.io/library/{PREFIX}", "tag": TAG} | image

    def __call__(self, source="auto", mirror="", data=None, pull_timeout=60.0, check=False):
        request = converge.Request(
            images=[self.image],
            sources={"app": data} if data else {},
            settings=plan.Settings(source, mirror),
            root=self.root,
            logs=self.logs,
            pull_timeout=pull_timeout,
        )

        def ask(references):
            self.asked += references
            return converge.ask_registries(references)

        made, known = converge.prepare(self.client, request, ask)
        ids = None
        if not check:
            ids = converge.apply(self.client, made, known, request, progress.Progress(self.lines.append))
        return converge.outcome(made, ids)["app"]


@pytest.fixture
def run(client, tmp_path, root):
    return Run(client, tmp_path, root)


@pytest.fixture
def app(client, tmp_path, root):
    return Run(client, tmp_path, root, context=f"{PREFIX}-app")


def test_an_image_is_pulled_through_the_mirror_once(run, client, mirror):
    publish(client, mirror, f"library/{PREFIX}")
    assert run(mirror=mirror, check=True)["state"] == "would_pull"
    first = run(mirror=mirror)
    assert (first["state"], first["source"]) == ("pulled", "registry")
    assert first["reference"] == f"{mirror}/library/{PREFIX}:{TAG}"
    assert first["id"] == client.inspect_image(first["reference"])["Id"]
    run.asked.clear()
    assert run(mirror=mirror) == first | {"state": "present"}
    assert run.asked == []


def test_a_digest_pins_the_image_when_its_tag_moves(run, client, mirror):
    run.image["digest"] = publish(client, mirror, f"library/{PREFIX}", "pinned")
    publish(client, mirror, f"library/{PREFIX}", "moved")
    first = run(mirror=mirror)
    assert first["reference"] == f"{mirror}/library/{PREFIX}:{TAG}@{run.image['digest']}"
    assert first["state"] == "pulled"
    assert run(mirror=mirror)["state"] == "present"


def test_a_missing_tag_is_built_with_auto_and_an_error_with_registry(app, mirror):
    app.image["tag"] = "absent"
    built = app(mirror=mirror)
    assert (built["state"], built["source"]) == ("built", "packages")
    assert "it has no such image" in built["reason"]
    with pytest.raises(
        plan.ImagesError, match=rf"{mirror} answers: it has no such image.*{PREFIX}:absent.*REGISTRY_MIRROR"
    ):
        app(source="registry", mirror=mirror)


def test_an_image_without_package_form_is_skipped_when_the_registry_is_gone(run):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{probe.getsockname()[1]}"
        skipped = run(mirror=gone)
    assert skipped["state"] == "skipped"
    assert f"the registry {gone} does not answer" in skipped["reason"]
    assert "refused" in skipped["reason"]


def test_a_registry_that_hangs_does_not_hold_up_the_run(app, silent_registry):
    begin = time.monotonic()
    built = app(mirror=silent_registry)
    assert time.monotonic() - begin < registry.ASK_SECONDS + 10
    assert built["state"] == "built"
    assert f"no answer within {registry.ASK_SECONDS} s" in built["reason"]


def test_a_pull_from_a_registry_that_hangs_ends(client, silent_registry):
    begin = time.monotonic()
    with pytest.raises(pull.PullError, match=rf"{silent_registry}.*not finished within 3 s.*IMAGE_PULL_TIMEOUT"):
        pull.pull(client, f"{silent_registry}/{PREFIX}:1", timeout=3, report=lambda _: None)
    assert time.monotonic() - begin < 6


def test_an_interrupted_layer_is_resumed(client, mirror):
    name = f"library/{PREFIX}-cut"
    # It cannot be compressed to nothing, so that half of the layer is many megabytes less than all of it.
    publish(client, mirror, name, os.urandom(4_000_000).hex())
    shown = []
    with relay(mirror, lambda path, before: "" if before else CUT) as registry:
        image = pull.pull(client, f"{registry.address}/{name}:{TAG}", timeout=60, report=shown.append)
    [(_, start)] = [(path, asked) for path, asked in registry.requests if asked]
    assert start.startswith("bytes=") and not start.startswith("bytes=0-")
    assert client.inspect_image(image)["Size"] > 8_000_000
    assert any("connection lost, retrying in" in line for line in shown), shown


def test_a_rate_limit_is_explained(run, client, mirror):
    publish(client, mirror, f"library/{PREFIX}")
    with (
        relay(mirror, lambda path, _: REFUSE if "/manifests/" in path else "") as registry,
        pytest.raises(plan.ImagesError, match=r"pull rate limit.*`docker login` raises the limit"),
    ):
        run(source="registry", mirror=registry.address)


def test_a_rate_limit_that_begins_after_the_question_is_explained(client, mirror):
    publish(client, mirror, f"library/{PREFIX}")
    shown = []
    with (
        relay(mirror, lambda path, _: REFUSE if "/manifests/" in path else "") as registry,
        pytest.raises(pull.PullError, match=r"rate limit.*docker login.*or run again later"),
    ):
        pull.pull(client, f"{registry.address}/library/{PREFIX}:{TAG}", timeout=60, report=shown.append)
    assert [line[: len("attempt 2 of 3")] for line in shown] == ["attempt 2 of 3", "attempt 3 of 3"]


def test_existing_data_keeps_its_source(app, client, mirror):
    publish(client, mirror, f"library/{PREFIX}")
    assert app(mirror=mirror, data="packages")["state"] == "built"
    assert app(mirror=mirror, data="registry")["state"] == "pulled"
    with pytest.raises(plan.ImagesError, match="written by the image from packages"):
        app(source="registry", mirror=mirror, data="packages")


def test_an_image_is_built_again_only_when_its_content_or_a_parents_changed(app, client, root):
    assert app(source="packages", check=True)["state"] == "would_build"
    first = app(source="packages")
    assert first["state"] == "built"
    assert first["id"] == client.inspect_image(first["reference"])["Id"]
    assert app(source="packages") == first | {"state": "present"}
    write(root / "README.md", "of no context")
    assert app(source="packages")["state"] == "present"
    write(root / f"{PREFIX}-app" / "more", "")
    second = app(source="packages")
    assert second["state"] == "built"
    write(root / f"{PREFIX}-base" / "suite", "other")
    third = app(source="packages")
    assert third["state"] == "built"
    assert len({first["reference"], second["reference"], third["reference"]}) == 3


def test_the_hosts_certificates_reach_the_build_and_not_the_image(app, client, tmp_path, monkeypatch):
    (tmp_path / "host.pem").write_text("certificate-of-the-host\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "host.pem"))
    image = app(source="packages")
    files = files_of(client, image["reference"])
    assert files["seen"] == b"trusted: certificate-of-the-host\n"
    assert "ca-bundle.crt" not in files


def files_of(client, reference) -> dict[str, bytes]:
    """The small files in the root of an image."""
    container = client.create_container(reference, ["none"], name=f"{PREFIX}-look")
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(client.export(container)))) as tar:
            return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile() and entry.size < 1e5}
    finally:
        client.remove_container(container, force=True)


def test_layers_of_temporary_stages_are_removed(app, client):
    before = dangling(client)
    app(source="packages")
    assert dangling(client) <= before


def dangling(client):
    return {image["Id"] for image in client.images(filters={"dangling": True})}


def test_a_build_that_fails_shows_its_last_lines_and_leaves_no_tag(app, client, root):
    dockerfile = root / f"{PREFIX}-app" / "Dockerfile"
    script = "echo here it breaks; exit 3"
    dockerfile.write_text(f'ARG BASE=cloudlab/{PREFIX}-base\nFROM ${{BASE}}\nRUN ["/bin/sh", "-c", "{script}"]\n')
    for _ in range(2):
        with pytest.raises(plan.ImagesError) as caught:
            app(source="packages")
        (problem,) = caught.value.problems
        assert "returned a non-zero code: 3" in problem
        assert "    here it breaks" in problem
        assert str(app.logs / f"build-{PREFIX}-app.log") in problem
    loaded = contexts.load(root, [f"{PREFIX}-app"])
    local = converge.local_images(client)
    assert loaded[f"{PREFIX}-app"].reference not in local
    assert loaded[f"{PREFIX}-base"].reference in local


def test_an_incomplete_base_is_never_imported(app, client, root):
    write(root / "rootfs.sh", "#!/bin/sh\necho half an archive\necho no mirror >&2\nexit 9\n", 0o755)
    with pytest.raises(plan.ImagesError) as caught:
        app(source="packages")
    broken, dependent = caught.value.problems
    assert "ended with status 9" in broken
    assert "    no mirror" in broken
    assert "was not built: an image that it is based on failed" in dependent
    assert not [name for name in converge.local_images(client) if PREFIX in name]


def test_a_second_run_waits_for_the_first_and_builds_nothing(app, client, tmp_path, root):
    other = Run(client, tmp_path / "other", root, context=f"{PREFIX}-app")
    write(root / "rootfs.sh", (root / "rootfs.sh").read_text().replace("cat ", "sleep 2; cat "), 0o755)
    results = []
    thread = threading.Thread(target=lambda: results.append(app(source="packages")))
    thread.start()
    until(lambda: (app.logs / f"build-{PREFIX}-base.log").exists())
    results.append(other(source="packages"))
    thread.join()
    assert results[0]["id"] == results[1]["id"] != ""
    assert not other.logs.exists()
    assert other.lines == ["images: waiting for another run that is building images"]


def test_progress_is_shown(app):
    app(source="packages")
    assert app.lines[0] == f"images: {PREFIX}-base  started"
    assert app.lines[-1].startswith(f"images: {PREFIX}-app  done  ")


def test_without_the_tool_for_bases_the_message_names_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt-get install mmdebstrap" in build.no_base_reason()
