"""Secrets never leave the differences, whatever way they come in."""

from __future__ import annotations

import pytest
from container_samples import parse

from cloudlab.containers.difference import HIDDEN, Redactor, as_text, is_secret, secrets_of


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DB_PASSWORD", True),
        ("PASSWORD", True),
        ("JWT_SECRET", True),
        ("API_TOKEN", True),
        ("SIGNING_KEY", True),
        ("LEVEL", True),  # by secret_env
        ("DB_PASSWORD_FILE", False),
        ("MONKEY", False),
        ("DEBUG", False),
    ],
)
def test_names_of_secrets(name, secret):
    assert is_secret(name, parse(secret_env=["LEVEL"])) is secret


def test_a_view_as_text_hides_secrets_and_speaks_in_units():
    spec = parse(env={"DB_PASSWORD": "correct-horse", "URL": "postgres://app:correct-horse@db/x", "DEBUG": "true"})
    view = {"env": dict(spec.options["env"]), "memory": 2**26, "command": ["serve", "correct-horse"], "cap_add": []}
    text = as_text(view, spec, Redactor(secrets_of(spec)))
    assert "correct-horse" not in text
    assert f"URL: postgres://app:{HIDDEN}@db/x" in text
    assert "DEBUG: 'true'" in text
    assert "memory: 64 MiB" in text
    assert "cap_add" not in text


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("requirepass abc", f"requirepass {HIDDEN}"),
        ("password = abc", f"password = {HIDDEN}"),
        ('"api_key": "abc",', f'"api_key": {HIDDEN}'),
        ("<password_sha256_hex>abc</password_sha256_hex>", f"<password_sha256_hex>{HIDDEN}"),
        ("user x >longer-secret on", f"user x >{HIDDEN} on"),
        ("url: redis://:abc@host/0", f"url: redis://:{HIDDEN}@host/0"),
        ("threads 4", "threads 4"),
        ("listen_addresses = '*'", "listen_addresses = '*'"),
        ("password:\nthreads 4", "password:\nthreads 4"),
    ],
)
def test_lines_of_files(line, shown):
    assert Redactor(["longer-secret"]).file(line) == shown


def test_short_secrets_are_hidden_by_their_name():
    spec = parse(env={"DB_PASSWORD": "abc"})
    assert as_text({"env": {"DB_PASSWORD": "abc"}}, spec, Redactor()) == f"env:\n  DB_PASSWORD: {HIDDEN}\n"


def test_short_values_are_not_hidden_everywhere():
    assert Redactor(["true"]).text("debug=true") == "debug=true"
