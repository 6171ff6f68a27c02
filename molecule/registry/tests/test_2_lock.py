"""Digests of the upstream images, locked: everybody runs the same images, whatever happens to a tag."""

import pytest
import standins
import yaml

TAGS = "redis"


@pytest.fixture(scope="module")
def complete(lab, served):
    """The registry serves every image of the catalogue; those that no test runs are a shell."""
    for key in lab.values["images"]:
        if not served.has(served.name(key)):
            served.serve(key, standins.base())
    yield served
    lab.playbook("reset", "--extra-vars", "level=everything confirm=yes")


@pytest.fixture(scope="module")
def lock(lab, complete, tmp_path_factory):
    """The file that the playbook writes."""
    file = tmp_path_factory.mktemp("lock") / "images_lock.yml"
    lab.playbook("lock", "--extra-vars", f"lock_file={file}")
    return file


def locked(file, key):
    return yaml.safe_load(file.read_text(encoding="utf-8"))["images_lock"][key]


def test_the_lock_has_every_image_of_the_catalogue(lab, complete, lock):
    entries = yaml.safe_load(lock.read_text(encoding="utf-8"))["images_lock"]
    assert {key: entry["tag"] for key, entry in entries.items()} == {
        key: f"{image['repository']}:{image['tag']}" for key, image in lab.values["images"].items()
    }
    assert entries["redis"]["digest"] == complete.digest("redis")


def test_a_locked_image_is_pulled_and_run_by_its_digest(lab, complete, lock):
    lab.playbook("dev", "--tags", TAGS, "--extra-vars", f"@{lock}")
    image = lab.containers()["redis"]["Config"]["Image"]
    assert image == f"{complete.name('redis')}@{locked(lock, 'redis')['digest']}"
    assert lab.is_healthy("redis")


def test_a_tag_that_moves_changes_nothing_until_it_is_locked_again(lab, complete, lock):
    before = lab.identities()
    own = lab.containers()["redis"]["Image"]
    complete.serve("redis", standins.base())
    run = lab.playbook("dev", "--tags", TAGS, "--extra-vars", f"@{lock}")
    assert run.changed == 0
    assert lab.identities() == before
    shown = lab.playbook("lock", "--check", "--diff", "--extra-vars", f"lock_file={lock}")
    assert f"-    digest: {locked(lock, 'redis')['digest']}" in shown.output
    assert f"+    digest: {complete.digest('redis')}" in shown.output
    complete.serve("redis", own)


def test_a_raised_tag_without_its_digest_is_refused_before_anything_changes(lab, lock, tmp_path):
    entries = yaml.safe_load(lock.read_text(encoding="utf-8"))
    entries["images_lock"]["redis"]["tag"] += "-former"
    former = tmp_path / "former.yml"
    former.write_text(yaml.safe_dump(entries), encoding="utf-8")
    before = lab.identities()
    run = lab.playbook("dev", "--tags", TAGS, "--extra-vars", f"@{former}", status=None)
    assert run.status != 0
    assert "redis: the lock of the images has the digest of" in run.output
    assert "ansible-playbook playbooks/lock.yml" in run.output
    assert lab.identities() == before
