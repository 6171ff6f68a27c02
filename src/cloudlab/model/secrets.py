"""Generated secrets, one file each, created once per instance."""

import os
import secrets as random_source
import string
from pathlib import Path

_ALPHABET = string.ascii_letters + string.digits
LENGTH = 32


class SecretError(ValueError):
    """The file of a secret is unusable; the message has the cause and the fix."""


def secret(directory: Path, name: str, keep: bool = True) -> str:
    """The secret `name` in `directory`; generated if it does not exist, and saved unless `keep` is false."""
    path = directory / name
    try:
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        value = "".join(random_source.choice(_ALPHABET) for _ in range(LENGTH))
        return _create(path, value) if keep else value
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(
            f"the secret {path} cannot be read: {error}. Restore the file, or delete it to generate a new secret."
        ) from None
    if not value:
        raise SecretError(f"the secret {path} is empty. Delete the file to generate a new secret.")
    return value


def generated(directory: Path) -> list[str]:
    """The secrets in `directory`; unreadable files are left out."""
    values = []
    for path in directory.glob("[!.]*"):
        try:
            values.append(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            continue
    return values


def _create(path: Path, value: str) -> str:
    """Write `value` to `path` atomically; if another process was first, return its value."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    finally:
        draft.unlink()
    return value
