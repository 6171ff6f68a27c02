"""SCRAM verifiers, against the RFC's own numbers, libpq's and PostgreSQL's rules for odd passwords."""

import base64

import psycopg
import pytest

from cloudlab.stores.postgres import scram

# RFC 7677, section 3: user `user`, password `pencil`, salt and iterations as the server sends them.
RFC_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")

PASSWORDS = ["pencil", "a$HOME' \"%s#`\\ z ", "påss ½ ﬁ", "пароль", "שלום", "שלוםa", "\u00a0\u00ad", "tab\there", " "]


def test_the_numbers_of_the_rfc():
    assert scram.verifier("pencil", RFC_SALT, 4096) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@pytest.mark.parametrize("password", PASSWORDS)
def test_agrees_with_libpq(password):
    known = psycopg.pq.PGconn.connect_start(b"host=/nonexistent").encrypt_password(
        password.encode(), b"user", b"scram-sha-256"
    )
    assert scram.matches(password, known.decode())


@pytest.mark.parametrize("password", PASSWORDS)
def test_knows_its_own_and_no_other(password):
    known = scram.verifier(password)
    assert scram.matches(password, known)
    assert not scram.matches(password + "x", known)
    assert known != scram.verifier(password)  # another salt


@pytest.mark.parametrize("known", [None, "", "md5e1f4dd4ac5ac55e8e1ff7", "SCRAM-SHA-256$4096:a$b:c", "pencil"])
def test_anything_else_is_another_password(known):
    assert not scram.matches("pencil", known)
