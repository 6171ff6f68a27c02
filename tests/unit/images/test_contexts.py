"""Build contexts: parents, and a tag that depends on content alone."""

import io
import os
import shutil
import tarfile
import time
from pathlib import Path

import pytest

from cloudlab.images import contexts

ROOT = Path(__file__).resolve().parents[3] / "files" / "images"


@pytest.fixture
def root(tmp_path):
    """base -> app (with a script), other."""
    write(tmp_path / "rootfs.sh", "#!/bin/sh\n")
    write(tmp_path / "base" / "suite", "trixie\n")
    write(
        tmp_path / "app" / "Dockerfile", "ARG BASE=cloudlab/base\nFROM ${BASE}\nARG OTHER=cloudlab/other\nCOPY run /\n"
    )
    write(tmp_path / "app" / "run", "#!/bin/sh\n", 0o755)
    write(tmp_path / "other" / "Dockerfile", "FROM scratch\n")
    return tmp_path


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def tags(root):
    return {name: context.tag for name, context in contexts.load(root, ["app", "other"]).items()}


def test_parents_come_first_and_only_those_before_the_first_from_count(root):
    loaded = contexts.load(root, ["app"])
    assert list(loaded) == ["base", "app"]
    assert loaded["app"].parents == {"BASE": "base"}
    assert loaded["base"].suite == "trixie"
    assert loaded["app"].reference == f"cloudlab/app:{loaded['app'].tag}"
    assert len(loaded["app"].tag) == 12


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("app/run", {"app"}),
        ("app/Dockerfile", {"app"}),
        ("base/suite", {"base", "app"}),
        ("rootfs.sh", {"base", "app"}),
        ("other/Dockerfile", {"other"}),
        ("README.md", set()),
    ],
)
def test_a_changed_file_changes_its_image_and_dependent_ones(root, file, changed):
    before = tags(root)
    with (root / file).open("a") as opened:
        opened.write("# changed\n")
    after = tags(root)
    assert {name for name in after if after[name] != before[name]} == changed


def test_a_new_a_renamed_and_an_executable_file_change_the_tag(root):
    seen = [tags(root)["app"]]
    write(root / "app" / "folder" / "more", "")
    seen.append(tags(root)["app"])
    (root / "app" / "folder" / "more").rename(root / "app" / "folder" / "other")
    seen.append(tags(root)["app"])
    (root / "app" / "folder" / "other").chmod(0o755)
    seen.append(tags(root)["app"])
    assert len(set(seen)) == len(seen)


def test_place_time_umask_and_owner_do_not_show(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("with space") / "é"
    shutil.copytree(root, elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
    assert tags(elsewhere) == tags(root)


def test_where_a_file_ends_matters(root):
    write(root / "app" / "a", "1")
    write(root / "app" / "b", "2")
    before = tags(root)["app"]
    write(root / "app" / "a", "12")
    write(root / "app" / "b", "")
    assert tags(root)["app"] != before


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: shutil.rmtree(root / "base"), r"base is not a build context.*`context: base`"),
        (lambda root: write(root / "app" / "ca-bundle.crt", ""), "reserved"),
        (
            lambda root: (
                (root / "base" / "suite").unlink(),
                write(root / "base" / "Dockerfile", "ARG APP=cloudlab/app\nFROM ${APP}\n"),
            ),
            "app -> base -> app",
        ),
    ],
)
def test_malformed_contexts(root, prepare, message):
    prepare(root)
    with pytest.raises(contexts.ContextError, match=message):
        contexts.load(root, ["app"])


def test_the_archive_holds_the_files_and_the_certificates_without_traces_of_the_host(root):
    (root / "app" / "run").chmod(0o700)
    app = contexts.load(root, ["app"])["app"]
    with tarfile.open(fileobj=io.BytesIO(contexts.archive(contexts.files(app.folder), b"PEM"))) as tar:
        members = {member.name: member for member in tar.getmembers()}
        assert tar.extractfile("ca-bundle.crt").read() == b"PEM"
    assert {name: oct(member.mode) for name, member in members.items()} == {
        "Dockerfile": "0o644",
        "run": "0o755",
        "ca-bundle.crt": "0o644",
    }
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}


def test_the_projects_own_contexts_load_quickly():
    names = [path.name for path in ROOT.iterdir() if path.is_dir()]
    begin = time.process_time()
    loaded = contexts.load(ROOT, names)
    assert time.process_time() - begin < 0.05  # 20 ms on a quiet machine
    assert set(loaded) == set(names)


def test_no_final_stage_takes_the_certificates():
    """They are no part of the tag, so they must be no part of the image."""
    for dockerfile in ROOT.glob("*/Dockerfile"):
        final = dockerfile.read_text().rpartition("\nFROM ")[2]
        assert "ca-bundle" not in final, dockerfile
