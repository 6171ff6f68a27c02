"""Secrets are generated once, saved, and written atomically."""

import stat

import pytest

from cloudlab.model import secrets


def test_generated_once_and_kept(tmp_path):
    first = secrets.secret(tmp_path / "secrets", "db")
    assert len(first) == secrets.LENGTH
    assert secrets.secret(tmp_path / "secrets", "db") == first
    assert secrets.secret(tmp_path / "secrets", "other") != first


def test_only_the_owner_can_read_it(tmp_path):
    secrets.secret(tmp_path / "secrets", "db")
    assert stat.S_IMODE((tmp_path / "secrets" / "db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_an_unsaved_secret_writes_nothing(tmp_path):
    assert len(secrets.secret(tmp_path / "secrets", "db", keep=False)) == secrets.LENGTH
    assert not (tmp_path / "secrets").exists()


def test_an_empty_secret_is_refused(tmp_path):
    (tmp_path / "db").write_text("\n")
    with pytest.raises(secrets.SecretError, match=r"is empty\. Delete the file"):
        secrets.secret(tmp_path, "db")


def test_no_temporary_file_is_left(tmp_path):
    secrets.secret(tmp_path, "db")
    assert [path.name for path in tmp_path.iterdir()] == ["db"]
