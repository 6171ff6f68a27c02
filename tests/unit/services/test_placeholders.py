"""Placeholders in the environment of services."""

import pytest

from cloudlab.model import catalogue, placeholders

EVERYBODY = {
    **{name: catalogue.committed()["catalogue"][name] for name in ("postgres", "kafka", "zookeeper", "mailpit")},
    "order": {"needs": ["postgres"], "go": {}, "ports": [{}], "grpc": 1, "schema": True},
    "bare": {"needs": ["postgres"], "go": {}},
}


def problems(text, name="order"):
    return placeholders.problems(text, name, EVERYBODY[name], EVERYBODY)


def test_values_are_filled_in_and_escaped_on_request():
    values = {"postgres.user": "me", "postgres.password": "p@ss/w:rd é"}
    text = "postgres://{postgres.user}:{postgres.password:url}@x/{postgres.password}"
    assert placeholders.fill(text, values.get) == "postgres://me:p%40ss%2Fw%3Ard%20%C3%A9@x/p@ss/w:rd é"


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"c": "d"}}', "{}", "{A.b}", "${HOME}", "{order}", "{{ x }}", "{a.b"])
def test_other_braces_are_literal(text):
    assert placeholders.fill(text, lambda name: pytest.fail(name)) == text
    assert problems(text) == []


def test_a_value_is_not_expanded_again():
    assert placeholders.fill("{a.b}", lambda name: "{c.d}") == "{c.d}"


@pytest.mark.parametrize(
    "text",
    ["{postgres.host}", "{self.port}", "{self.schema}", "{order.grpc}", "{bare.host}", "{log_level}", "{secret.x}"],
)
def test_valid_placeholders(text):
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{postgers.host}", "{postgers.host}: unknown component postgers. Did you mean postgres?"),
        ("{redis.host}", "{redis.host}: unknown component redis."),
        ("{postgres.pasword}", "{postgres.pasword}: unknown value pasword. Did you mean password?"),
        ("{kafka.host}", "{kafka.host}: order does not need kafka. Add it to `needs`."),
        ("{mailpit.host}", "{mailpit.host}: order does not need mailpit. Add it to `needs`."),
        ("{mailpit.password}", "{mailpit.password}: unknown value password."),
        ("{self.password}", "{self.password}: unknown value password."),
        ("{order.schema}", "{order.schema}: unknown value schema."),
        ("{bare.port}", "{bare.port}: bare has none. Declare `ports` there."),
        ("{bare.grpc}", "{bare.grpc}: bare has none. Declare `grpc` there."),
        ("{postgres.host:base64}", "{postgres.host:base64}: unknown escape base64. Only :url is known."),
    ],
)
def test_invalid_placeholders(text, message):
    assert problems(text)[0].startswith(message)


@pytest.mark.parametrize("key", ["user", "password", "schema"])
def test_an_account_must_be_declared(key):
    assert "Declare `schema: true`" in problems(f"{{postgres.{key}}}", "bare")[0]


def test_secrets_are_recognised():
    assert placeholders.is_secret("x{postgres.password:url}")
    assert placeholders.is_secret("{secret.token}")
    assert not placeholders.is_secret("{postgres.user}")
