"""Which images are pulled, built, kept or skipped."""

import re

import pytest

from cloudlab.images import plan
from cloudlab.images.contexts import Context
from cloudlab.images.registry import Answer

CONTEXTS = {
    "base": Context("base", None, suite="trixie", tag="b1"),
    "postgres": Context("postgres", None, parents={"BASE": "base"}, tag="p1"),
    "kafka": Context("kafka", None, parents={"BASE": "base"}, tag="k1"),
}
POSTGRES = {"key": "postgres", "repository": "docker.io/library/postgres", "tag": "17", "context": "postgres"}
KAFKA = {"key": "kafka", "repository": "docker.io/confluentinc/cp-kafka", "tag": "7.9", "context": "kafka"}
ZOOKEEPER = {"key": "zookeeper", "repository": "docker.io/confluentinc/cp-zookeeper", "tag": "7.9", "context": "kafka"}
KIBANA = {"key": "kibana", "repository": "docker.elastic.co/kibana/kibana", "tag": "8.19"}

UPSTREAM, BUILT, BASE = "docker.io/library/postgres:17", "cloudlab/postgres:p1", "cloudlab/base:b1"
HAS, LACKS = Answer(found=True), Answer(found=False, cause="it has no such image")
SILENT = Answer(found=False, reachable=False, cause="no answer within 8 s")


def decide(*images, local=(), source="auto", answer=None, data=None, mirror="", no_base=""):
    """The plan, with the same answer from every registry; None: no registry may be asked."""
    settings = plan.Settings(source, mirror, no_base)
    local, data = dict.fromkeys(local, "sha256:1"), data or {}
    planner = plan.Planner(settings, local, data, CONTEXTS)
    asked = planner.questions(images)
    assert answer or not asked
    return planner.plan(images, dict.fromkeys(asked, answer))


@pytest.mark.parametrize(
    ("local", "source", "answer", "data", "step", "reference"),
    [
        # auto: a present image is used, and no registry is asked
        (["postgres:17"], "auto", None, None, "present", UPSTREAM),
        ([BUILT], "auto", None, None, "present", BUILT),
        (["postgres:17", BUILT], "auto", None, None, "present", UPSTREAM),
        # auto: nothing is present
        ([], "auto", HAS, None, "pull", UPSTREAM),
        ([], "auto", LACKS, None, "build", BUILT),
        ([], "auto", SILENT, None, "build", BUILT),
        # an older build is not this one
        (["cloudlab/postgres:p0"], "auto", HAS, None, "pull", UPSTREAM),
        # data binds, whatever is present or available
        ([BUILT], "auto", HAS, "registry", "pull", UPSTREAM),
        (["postgres:17"], "auto", None, "packages", "build", BUILT),
        ([BUILT], "auto", None, "packages", "present", BUILT),
        ([], "auto", None, "packages", "build", BUILT),
        # one source only
        ([BUILT], "registry", HAS, None, "pull", UPSTREAM),
        (["postgres:17"], "registry", None, None, "present", UPSTREAM),
        (["postgres:17"], "packages", None, None, "build", BUILT),
        ([BUILT], "packages", None, None, "present", BUILT),
    ],
)
def test_one_image(local, source, answer, data, step, reference):
    made = decide(POSTGRES, local=local, source=source, answer=answer, data=data and {"postgres": data})
    decision = made.decisions["postgres"]
    assert (decision.step, decision.reference) == (step, reference)
    assert decision.source == ("packages" if reference == BUILT else "registry")
    assert decision.id == ("sha256:1" if step == "present" else "")
    assert made.pulls == ([UPSTREAM] if step == "pull" else [])
    assert made.builds == (["base", "postgres"] if step == "build" else [])


def test_two_images_of_one_context_are_built_once_and_present_parents_not_at_all():
    made = decide(KAFKA, ZOOKEEPER, POSTGRES, source="packages", local=[BASE])
    assert made.builds == ["postgres", "kafka"]
    assert made.decisions["kafka"].reference == made.decisions["zookeeper"].reference == "cloudlab/kafka:k1"


def test_a_mirror_is_asked_instead_of_the_registry():
    made = decide(POSTGRES, mirror="127.0.0.1:5000", local=["postgres:17"], answer=HAS)
    assert made.pulls == ["127.0.0.1:5000/library/postgres:17"]


def test_a_digest_pins_even_what_is_present():
    pinned = POSTGRES | {"digest": "sha256:aa"}
    assert decide(pinned, local=["postgres:17"], answer=HAS).pulls == ["docker.io/library/postgres:17@sha256:aa"]
    assert decide(pinned, local=["postgres@sha256:aa"]).pulls == []


@pytest.mark.parametrize(
    ("source", "answer", "reason"),
    [
        ("packages", None, "exists only as docker.elastic.co/kibana/kibana:8.19, and packages were requested"),
        ("auto", SILENT, "the registry docker.elastic.co does not answer: no answer within 8 s"),
        ("auto", LACKS, "the registry docker.elastic.co answers: it has no such image"),
    ],
)
def test_without_a_package_form_an_image_is_skipped_with_a_reason(source, answer, reason):
    decision = decide(KIBANA, source=source, answer=answer).decisions["kibana"]
    assert decision.step == "skip"
    assert reason in decision.reason


def test_a_build_instead_of_a_pull_says_why():
    assert "does not answer" in decide(POSTGRES, answer=SILENT).decisions["postgres"].reason


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (
            {"source": "registry", "answer": SILENT},
            ["registry docker.io does not answer: no answer within 8 s", UPSTREAM, "set IMAGE_SOURCE=auto or packages"],
        ),
        (
            {"source": "registry", "answer": LACKS, "mirror": "m:5000"},
            [
                "registry m:5000 answers: it has no such image",
                "m:5000/library/postgres:17",
                "check REGISTRY_MIRROR=m:5000",
            ],
        ),
        (
            {"answer": SILENT, "data": {"postgres": "registry"}},
            ["does not answer", "The data of postgres was written by the registry's image"],
        ),
        (
            {"source": "registry", "data": {"postgres": "packages"}, "local": ["postgres:17"]},
            ["postgres: its data was written by the image from packages", "set IMAGE_SOURCE=packages or auto"],
        ),
        (
            {"source": "packages", "data": {"postgres": "registry"}},
            ["postgres: its data was written by the image from registry", "reset.yml -e level=data"],
        ),
        (
            {"source": "packages", "no_base": "`mmdebstrap` is not installed"},
            ["cannot be built from packages on this host (base, postgres): `mmdebstrap` is not installed"],
        ),
        (
            {"answer": SILENT, "no_base": "that needs Linux"},
            ["that needs Linux", "They would be pulled, but the registry docker.io does not answer"],
        ),
    ],
)
def test_an_unavailable_image_is_an_error_that_says_how_to_fix_it(arguments, messages):
    with pytest.raises(plan.ImagesError) as caught:
        decide(POSTGRES, **arguments)
    assert len(caught.value.problems) == 1
    for message in messages:
        assert message in caught.value.problems[0]


def test_one_message_for_all_images_of_a_silent_registry():
    with pytest.raises(plan.ImagesError) as caught:
        decide(POSTGRES, KAFKA, KIBANA, source="registry", answer=SILENT)
    assert [re.search(r"registry (\S+) does", problem)[1] for problem in caught.value.problems] == [
        "docker.io",
        "docker.elastic.co",
    ]


def test_a_present_base_needs_no_tool():
    assert decide(POSTGRES, source="packages", no_base="no tool", local=[BASE]).builds == ["postgres"]


def test_required_images_and_their_data_come_from_the_environment():
    environment = {
        "components": {
            "postgres": {"image_key": "postgres"},
            "kafka": {"image_key": "kafka"},
            "gateway": {"image_key": ""},
            "second": {"image_key": "postgres"},
        },
        "volumes": {
            "a": {"exists": True, "labels": {"cloudlab.source": "packages"}, "component": "postgres"},
            "b": {"exists": False, "labels": {}, "component": "kafka"},
            "c": {"exists": True, "labels": {}, "component": "kafka"},
        },
    }
    images = {"postgres": {"tag": "17"}, "kafka": {"tag": "7"}, "unused": {"tag": "1"}}
    assert plan.required_images(environment, images) == [{"key": "postgres", "tag": "17"}, {"key": "kafka", "tag": "7"}]
    assert plan.volume_sources(environment, "cloudlab.source") == {"postgres": "packages"}
