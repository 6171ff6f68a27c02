"""Configuration files: their paths, comparison and atomic writing."""

from __future__ import annotations

import os
import stat

import pytest
from container_samples import parse

from cloudlab.containers import files
from cloudlab.containers.spec import SpecError


def prepare(tmp_path, *declared, planning=False, render=lambda src, path: f"{src}\n", **options):
    return files.prepare([parse(files=list(declared), **options)], tmp_path, render, planning)[0]


def test_files_stand_below_their_container(tmp_path):
    one = {"src": "a.conf.j2", "target": "/etc/a.conf"}
    twins = [{"content": "x", "target": "/etc/users/x.xml"}, {"content": "y", "target": "/etc/config/x.xml"}]
    spec = prepare(tmp_path, one, *twins)
    assert [file.path.removeprefix(f"{tmp_path}/config/web/") for file in spec.files] == [
        "a.conf",
        "etc-users-x.xml",
        "etc-config-x.xml",
    ]
    assert spec.files[0].content == "a.conf.j2\n"


def test_a_template_that_fails_is_named(tmp_path):
    def fail(src, path):
        raise RuntimeError("'x' is undefined")

    with pytest.raises(SpecError, match=r"lab-web: files: a\.j2: 'x' is undefined"):
        prepare(tmp_path, {"src": "a.j2", "target": "/a"}, render=fail)


def test_a_file_is_written_with_its_mode_whatever_the_umask(tmp_path):
    [file] = prepare(tmp_path, {"content": "größe\n", "target": "/etc/a", "mode": "0444"}).files
    before = os.umask(0o077)
    try:
        assert files.difference(file) == files.MISSING
        files.write(file)
        files.write(file)
    finally:
        os.umask(before)
    assert files.difference(file) == ""
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o444
    assert stat.S_IMODE(os.stat(os.path.dirname(file.path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(file.path)) == ["a"]


def test_differences_on_disk_are_named(tmp_path):
    [file] = prepare(tmp_path, {"content": "one", "target": "/etc/a", "mode": "0644"}).files
    files.write(file)
    os.chmod(file.path, 0o600)
    assert files.difference(file) == "has mode 0600 instead of 0644"
    with open(file.path, "wb") as stream:
        stream.write(b"\xff")
    assert files.difference(file) == "has other content"
    os.unlink(file.path)
    os.mkdir(file.path)
    assert files.difference(file) == "is not a regular file"
    files.write(file)
    assert files.difference(file) == ""


def test_a_failed_write_leaves_the_old_text(tmp_path, monkeypatch):
    [file] = prepare(tmp_path, {"content": "new", "target": "/etc/a", "mode": "0644"}).files
    os.makedirs(os.path.dirname(file.path))
    with open(file.path, "w") as stream:
        stream.write("old")

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            files.write(file)
    assert files.current(file) == b"old"
    files.write(file)
    assert files.current(file) == b"new"


def test_a_copy_is_the_original_octet_by_octet(tmp_path):
    """In any encoding and with any line ends, or each run would find a difference."""
    original = tmp_path / "original.pem"
    original.write_bytes(b"# T\xfcrktrust\r\nPEM\n")
    declared = {"copy": str(original), "target": "/etc/ca.pem"}
    [file] = prepare(tmp_path, declared).files
    files.write(file)
    assert file.path == f"{tmp_path}/config/web/ca.pem"
    assert files.current(file) == original.read_bytes()
    assert files.difference(file) == ""


def test_a_changed_original_changes_the_copy_and_the_hash(tmp_path):
    original = tmp_path / "original.pem"
    declared = {"copy": str(original), "target": "/etc/ca.pem"}
    original.write_text("one")
    one = prepare(tmp_path, declared)
    files.write(one.files[0])
    original.write_text("two")
    two = prepare(tmp_path, declared)
    assert files.difference(two.files[0]) == "has other content"
    assert one.hash != two.hash


def test_where_a_copy_is_from_is_no_part_of_the_hash(tmp_path):
    """Another system's bundle with the same certificates recreates nothing."""
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).write_text("same")
    hashes = {
        prepare(tmp_path, {"copy": str(tmp_path / name), "target": "/ca.pem"}).hash for name in ("a.pem", "b.pem")
    }
    assert len(hashes) == 1


def test_an_original_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"lab-web: files: /nowhere/ca\.pem cannot be read: No such file"):
        prepare(tmp_path, {"copy": "/nowhere/ca.pem", "target": "/ca.pem"})


def test_the_content_of_a_mounted_file_is_part_of_the_hash(tmp_path):
    source = tmp_path / "ca.pem"
    mount = {"type": "bind", "source": str(source), "target": "/ca.pem", "read_only": True}
    source.write_text("one")
    one = prepare(tmp_path, mounts=[mount]).hash
    source.write_text("two")
    two = prepare(tmp_path, mounts=[mount]).hash
    writable = prepare(tmp_path, mounts=[mount | {"read_only": False}]).digests
    assert one != two
    assert writable == {}


def test_a_source_that_does_not_exist_is_refused_unless_a_task_would_have_made_it(tmp_path):
    inside = {"type": "bind", "source": str(tmp_path / "secrets" / "x"), "target": "/x", "read_only": True}
    outside = {"type": "bind", "source": "/nowhere/x", "target": "/y"}
    with pytest.raises(SpecError, match=r"the source .*/secrets/x does not exist"):
        prepare(tmp_path, mounts=[inside])
    with pytest.raises(SpecError, match="the source /nowhere/x does not exist"):
        prepare(tmp_path, mounts=[inside, outside], planning=True)
    assert prepare(tmp_path, mounts=[inside], planning=True)


def test_a_path_of_the_engines_own_machine_is_not_looked_for_on_this_one(tmp_path):
    """/var/lib/docker is in a virtual machine, or closed to a user."""
    mount = {"type": "bind", "source": "/nowhere/x", "target": "/x", "read_only": True, "on_engine": True}
    assert prepare(tmp_path, mounts=[mount]).digests == {}


def test_where_a_path_is_looked_for_changes_no_other_containers_hash(tmp_path):
    mount = {"type": "bind", "source": str(tmp_path), "target": "/x"}
    assert prepare(tmp_path, mounts=[mount]).hash == prepare(tmp_path, mounts=[mount | {"on_engine": False}]).hash
