"""The rendered redis.conf: no password in it, whatever characters it is made of."""

import hashlib

import pytest
import stores


def configuration(tmp_path, **settings):
    [file] = stores.Store("redis", tmp_path, **settings).specification().files
    return file.content.splitlines()


@pytest.mark.parametrize("password", ["plain", "a$HOME' \"%s#`\\ü z ", "{{ 1 + 1 }}", "two\nlines"])
def test_the_password_stands_there_as_a_hash_alone(tmp_path, password):
    lines = configuration(tmp_path, redis_password=password)
    [user] = [line for line in lines if line.startswith("user default ")]
    assert f" #{hashlib.sha256(password.encode()).hexdigest()} " in user
    assert password not in "\n".join(lines)


def test_settings_of_ones_own_come_last(tmp_path):
    assert configuration(tmp_path, redis_settings={"maxclients": 50})[-1] == "maxclients 50"


def test_health_check_asks_as_a_user_who_can_only_ping(tmp_path):
    assert "user healthcheck on nopass resetkeys resetchannels -@all +ping" in configuration(tmp_path)
