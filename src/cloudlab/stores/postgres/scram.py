"""SCRAM-SHA-256 verifiers as PostgreSQL stores them (RFC 5802, RFC 7677).

A verifier is made here and sent instead of the password, so that no password reaches a statement, a log or an argument
list; and it is checked here, so that asking whether a password is still the right one costs no login.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import stringprep
import unicodedata

ITERATIONS = 4096  # PostgreSQL's own default (scram_iterations)
SALT_BYTES = 16

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
# RFC 4013, section 2.3: characters that a prepared string must not contain.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The verifier of ``password``; with a random salt unless one is given."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    stored, server = _keys(password, salt, iterations)
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def matches(password: str, known: str | None) -> bool:
    """Whether ``known``, a role's rolpassword, is a SCRAM verifier of ``password``.

    False as well for no password at all and for the old MD5 form: both are to be replaced.
    """
    found = _VERIFIER.fullmatch(known or "")
    if not found:
        return False
    try:
        salt, stored, server = (base64.b64decode(part, validate=True) for part in found.group(2, 3, 4))
    except binascii.Error:
        return False
    expected = _keys(password, salt, int(found.group(1)))
    return hmac.compare_digest(expected[0], stored) and hmac.compare_digest(expected[1], server)


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """(StoredKey, ServerKey) of RFC 5802."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _prepared(password: str) -> str:
    """SASLprep (RFC 4013) as in libpq and the server: a password that it does not allow is used unchanged."""
    if password.isascii():
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if not normal or any(table(char) for char in normal for table in _PROHIBITED) or not _direction_is_clear(normal):
        return password
    return normal


def _direction_is_clear(text: str) -> bool:
    """RFC 3454, section 6: right-to-left text stands alone, and at both ends."""
    if not any(stringprep.in_table_d1(char) for char in text):
        return True
    ends_right_to_left = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends_right_to_left and not any(stringprep.in_table_d2(char) for char in text)
