"""Access tokens that must be rejected, each invalid in one way only."""

from __future__ import annotations

import time

import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

ALGORITHM = "ES256"
# More than the clock skew that verifiers tolerate.
EXPIRED_SECONDS = 60


def signing_key(database: str, token: str) -> ec.EllipticCurvePrivateKey:
    """The key with which auth signed the token, read from its schema in the database.

    Clients cannot read it. It is needed for a token that is valid except for its time.
    """
    key_id = jwt.get_unverified_header(token)["kid"]
    with psycopg.connect(database, connect_timeout=10) as connection:
        row = connection.execute("SELECT private_key FROM auth.signing_keys WHERE id = %s", [key_id]).fetchone()
    assert row, f"auth's schema has no signing key {key_id}"
    return load_der_private_key(bytes(row[0]), password=None)


def unknown_key() -> ec.EllipticCurvePrivateKey:
    """A key of the right type that is not published."""
    return ec.generate_private_key(ec.SECP256R1())


def signed(token: str, key: ec.EllipticCurvePrivateKey, **changes: object) -> str:
    """The token with changed claims, signed with the key with the original key ID."""
    return jwt.encode(claims(token) | changes, key, ALGORITHM, headers={"kid": jwt.get_unverified_header(token)["kid"]})


def expired(token: str, key: ec.EllipticCurvePrivateKey) -> str:
    """The token as if it had been issued earlier."""
    given = claims(token)
    lifetime = given["exp"] - given["iat"]
    end = int(time.time()) - EXPIRED_SECONDS
    return signed(token, key, iat=end - lifetime, exp=end)


def promoted(token: str) -> str:
    """The token with more permissions and its original signature."""
    header, _, signature = token.split(".")
    altered = jwt.encode(claims(token) | {"permissions": ["*"]}, "", "none").split(".")[1]
    return f"{header}.{altered}.{signature}"


def unsigned(token: str) -> str:
    """The token with the algorithm "none"."""
    return jwt.encode(claims(token), "", "none", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def claims(token: str) -> dict:
    """The claims of the token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})
