"""The replacement of placeholders, and the detection of escapes and calculations."""

import hashlib
import json
from urllib.parse import quote

import pytest

from cloudlab.compose import placeholders, service
from cloudlab.model import settings, sizes

OPTIONS = settings.spec()


def express(make):
    """The result of `make` with plain settings, and its differences from that with hostile ones."""
    plain, hostile = (
        placeholders.Expressions(OPTIONS, kind).apply(make(placeholders.values(OPTIONS, kind)))
        for kind in (False, True)
    )
    return plain, placeholders.compare({"here": plain}, {"here": hostile})


def test_an_unchanged_setting_becomes_an_expression():
    made = express(lambda values: f"say {values['redis_password']} on 127.0.0.1:{values['redis_port']}:6379, please")
    assert made == ("say ${REDIS_PASSWORD:-development} on 127.0.0.1:${REDIS_PORT:-6379}:6379, please", [])


def test_a_parsed_amount_of_memory_becomes_an_expression():
    made = express(lambda values: service.size(sizes.parse(values["builder_memory"])))
    assert made == ("${BUILDER_MEMORY:-}", [])


def test_other_dollar_signs_are_escaped():
    assert express(lambda values: f"$HOME/{values['postgres_db']}$$") == ("$$HOME/${POSTGRES_DB:-cloudlab}$$$$", [])


def test_adjacent_settings_become_expressions():
    made = express(lambda values: f"{values['postgres_user']}{values['postgres_db']} {values['trace_sampling']}e-2")
    assert made == ("${POSTGRES_USER:-cloudlab}${POSTGRES_DB:-cloudlab} ${TRACE_SAMPLING:-100}e-2", [])


@pytest.mark.parametrize(
    "make",
    [
        lambda values: hashlib.sha256(values["redis_password"].encode()).hexdigest(),
        lambda values: quote(values["redis_password"], safe=""),
        lambda values: json.dumps(values["redis_password"]),
        lambda values: values["redis_password"].replace("'", "''"),
        lambda values: values["redis_password"].upper(),
        lambda values: " ".join(values["gateway_jwt_issuer"].split(",")),
        lambda values: str(values["redis_port"] + 1),
        lambda values: str(values["trace_sampling"] / 100),
        lambda values: str(len(values["postgres_db"]) + values["redis_port"]),
    ],
)
def test_escapes_and_calculations_are_rejected(make):
    _, problems = express(make)
    assert len(problems) == 1
    assert problems[0].startswith("here: ")


def test_an_escaped_setting_is_named():
    _, [problem] = express(lambda values: json.dumps(values["redis_password"]))
    assert problem == "here: REDIS_PASSWORD is escaped or calculated with, which Compose does not support."


def test_secrets_images_and_variables_become_expressions():
    image = {"repository": "docker.io/library/redis", "tag": "8"}
    texts = {
        placeholders.secret("oauth_mail-web"): "${SECRET_OAUTH_MAIL_WEB:-development}",
        placeholders.image(image): "${REGISTRY_MIRROR:-docker.io}/library/redis:8",
        placeholders.image(image | {"digest": "sha256:aa"}): "${REGISTRY_MIRROR:-docker.io}/library/redis:8@sha256:aa",
        placeholders.variable("GOPROXY"): "${GOPROXY:-}",
        placeholders.path("SSL_CERT_FILE"): "${SSL_CERT_FILE:-/dev/null}",
    }
    for text, expression in texts.items():
        assert express(lambda _values, text=text: f"<{text}>") == (f"<{expression}>", [])


def test_a_secret_comes_from_env_or_has_a_default_of_sufficient_length():
    assert placeholders.told_secret("postgres_order", {"SECRET_POSTGRES_ORDER": "abc"}) == "abc"
    assert placeholders.told_secret("postgres_order", {}) == "development"
    lengths = {name: len(placeholders.told_secret(name, {})) for name in ("kibana_key", "clickhouse_ui_key")}
    assert min(lengths.values()) >= 32
    assert len(placeholders.told_secret("portainer_admin", {})) >= 12


def test_every_setting_is_either_replaced_or_fixed():
    assert set(placeholders.values(OPTIONS, False)) | set(placeholders.FIXED) == set(settings.spec())
    assert not set(placeholders.values(OPTIONS, False)) & set(placeholders.FIXED)


def test_placeholders_are_unique():
    plain, hostile = placeholders.values(OPTIONS, False), placeholders.values(OPTIONS, True)
    for values in (plain, hostile):
        assert len(set(values.values())) == len(values)
    assert all(plain[name] != hostile[name] for name in plain)


def test_a_default_that_compose_cannot_express_is_rejected():
    with pytest.raises(placeholders.PlaceholderError, match="POSTGRES_DB"):
        placeholders.Expressions(OPTIONS, False, {"postgres_db": "a}b"})


def test_values_of_only_one_evaluation_are_found():
    assert placeholders.compare({"a": 1}, {"a": 1, "b": 2}) != []
    assert placeholders.compare({"a": [1]}, {"a": [1, 2]}) != []
    assert placeholders.compare({"a": [1, {"b": "c"}]}, {"a": [1, {"b": "c"}]}) == []
