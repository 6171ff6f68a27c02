"""The lock of the upstream images: what it holds, and when it is refused."""

import pytest

from cloudlab.images import lockfile
from cloudlab.images.plan import ImagesError
from cloudlab.images.registry import Answer

POSTGRES = {"repository": "docker.io/library/postgres", "tag": "17.11", "context": "postgres"}
KIBANA = {"repository": "docker.elastic.co/kibana/kibana", "tag": "8.19"}
IMAGES = {"postgres": POSTGRES, "kibana": KIBANA}
ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
LOCK = {
    "postgres": {"tag": "docker.io/library/postgres:17.11", "digest": ONE, "platforms": ["linux/amd64", "linux/arm64"]},
    "kibana": {"tag": "docker.elastic.co/kibana/kibana:8.19", "digest": OTHER, "platforms": []},
}


def refusal(lock):
    with pytest.raises(ImagesError) as caught:
        lockfile.locked(IMAGES, lock)
    return caught.value.problems


def test_a_lock_adds_the_digests():
    assert lockfile.locked(IMAGES, LOCK) == {
        "postgres": POSTGRES | {"digest": ONE},
        "kibana": KIBANA | {"digest": OTHER},
    }


def test_without_a_lock_tags_decide():
    assert lockfile.locked(IMAGES, {}) == IMAGES


def test_a_lock_of_another_tag_is_refused():
    """A raised tag with the digest of the former one would run the former image."""
    [problem] = refusal(LOCK | {"postgres": LOCK["postgres"] | {"tag": "docker.io/library/postgres:17.10"}})
    assert problem == (
        "postgres: the lock of the images has the digest of docker.io/library/postgres:17.10, but "
        "docker.io/library/postgres:17.11 is pinned. Fix: run `ansible-playbook playbooks/lock.yml`, or remove "
        "group_vars/all/images_lock.yml."
    )


@pytest.mark.parametrize("entry", [{"digest": "sha256:12"}, {"digest": None}, {}])
def test_what_is_no_digest_is_refused(entry):
    [problem] = refusal(LOCK | {"postgres": {"tag": "docker.io/library/postgres:17.11"} | entry})
    assert problem.startswith(f"postgres: the lock of the images has {entry.get('digest')!r}, which is no digest.")


def test_an_image_that_the_lock_lacks_is_refused():
    [problem] = refusal({"postgres": LOCK["postgres"]})
    assert problem.startswith("kibana: the lock of the images has no digest of docker.elastic.co/kibana/kibana:8.19.")


def test_a_lock_is_made_of_answers_and_names_the_upstream_tag():
    """The mirror is where the digest was asked for; others have another mirror."""
    answers = {
        "m:1/library/postgres:17.11": Answer(found=True, digest=ONE, platforms=("linux/amd64", "linux/arm64")),
        "m:1/kibana/kibana:8.19": Answer(found=True, digest=OTHER),
    }
    assert lockfile.made(IMAGES, "m:1", answers) == LOCK


def test_every_image_that_no_registry_has_is_named():
    answers = {
        "docker.io/library/postgres:17.11": Answer(found=False, cause="it has no such image"),
        "docker.elastic.co/kibana/kibana:8.19": Answer(found=False, reachable=False, cause="no answer within 8 s"),
    }
    with pytest.raises(ImagesError) as caught:
        lockfile.made(IMAGES, "", answers)
    postgres, kibana = caught.value.problems
    assert "docker.io/library/postgres:17.11 could not be locked: it has no such image." in postgres
    assert "docker.elastic.co/kibana/kibana:8.19 could not be locked: no answer within 8 s." in kibana
