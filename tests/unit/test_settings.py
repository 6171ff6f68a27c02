"""Where a setting comes from, which wins, and what is said about one that cannot be used."""

import pytest
import yaml

from cloudlab.model import settings

NOT_SETTINGS = {"catalogue.yml", "profiles.yml", "validation.yml", "wiring.yml"}


@pytest.fixture
def load(tmp_path):
    """Load settings from a `.env` with the given text, and the given process environment."""

    def _load(text, **environ):
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        return settings.load({settings.ENV_FILE_VARIABLE: str(path), **environ})

    return _load


def _defaults():
    """Every variable of group_vars/all that is a setting, and every setting of the platform, with its default."""
    defaults = {name: option["default"] for name, option in settings.of_platform({}).items()}
    for path in (settings.ROOT / "group_vars" / "all").glob("*.yml"):
        if path.name not in NOT_SETTINGS:
            defaults |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return defaults


def test_every_setting_has_a_default_that_fits_and_every_default_is_described():
    defaults = _defaults()
    assert set(defaults) == set(settings.spec())
    assert settings.check(defaults) == []
    for name, default in defaults.items():
        assert settings.convert(name, default, settings.spec()[name]) == default


def test_values_are_typed(load):
    values = load("POSTGRES_PORT=6000\nELASTICSEARCH_SECURITY_ENABLED=yes\nPOSTGRES_PASSWORD=007")
    assert values == {"postgres_port": 6000, "elasticsearch_security_enabled": True, "postgres_password": "007"}


def test_the_process_environment_wins(load):
    assert load("POSTGRES_PORT=6000\nREDIS_PORT=6001", POSTGRES_PORT="7000") == {
        "postgres_port": 7000,
        "redis_port": 6001,
    }


def test_a_bad_value_that_is_overridden_does_not_matter(load):
    assert load("POSTGRES_PORT=x", POSTGRES_PORT="7000") == {"postgres_port": 7000}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# ports\nPOSTGRES_PROT=5432", ".env:2: unknown key POSTGRES_PROT. Did you mean POSTGRES_PORT?"),
        ("postgres_port=5432", ".env:1: unknown key postgres_port. Did you mean POSTGRES_PORT?"),
        ("ZZZ=1", "unknown key ZZZ. Known keys: ADMINER_PORT"),
        ("POSTGRES_PORT=many", ".env:1: POSTGRES_PORT is 'many'; it must be a whole number from 1 to 65535."),
        ("POSTGRES_PORT=70000", "POSTGRES_PORT is 70000; it must be from 1 to 65535."),
        ("POSTGRES_PORT=0", "POSTGRES_PORT is 0; it must be from 1 to 65535."),
        ("ELASTICSEARCH_SECURITY_ENABLED=maybe", "it must be true or false"),
        ("IMAGE_SOURCE=ftp", "IMAGE_SOURCE is 'ftp'; it must be one of auto, registry, packages."),
        ("CLOUDLAB_INSTANCE=My Lab", "CLOUDLAB_INSTANCE is 'My Lab'; must be up to 31"),
        ("POSTGRES_PASSWORD=", "POSTGRES_PASSWORD must be at least one character"),
        ("REGISTRY_MIRROR=https://mirror.example.com", "without https://"),
        ("BUILDER_MEMORY=lots", ".env:1: BUILDER_MEMORY is 'lots'; it must be an amount of memory, for example 3g."),
        ("BUILDER_MEMORY=256m", ".env:1: BUILDER_MEMORY is '256m'; it must be at least 512m."),
        ("BUILDER_MEMORY=3", ".env:1: BUILDER_MEMORY is '3'; it must be at least 512m."),
    ],
)
def test_problem(load, text, message):
    with pytest.raises(settings.SettingsError) as error:
        load(text)
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "512m", "3g", "1.5GiB"])
def test_an_amount_of_memory_is_taken_as_it_is_written(load, text):
    assert load(f"BUILDER_MEMORY={text}") == {"builder_memory": text}


def test_a_refused_password_is_not_shown(load):
    with pytest.raises(settings.SettingsError) as error:
        load('POSTGRES_PASSWORD="top\\nsecret"')
    assert "top" not in str(error.value)


PEM = [
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SvX2v==",
    "MzEfYyjiWA4R4M2bS1GB4t7NXp98C3SvX2vQ=",
    "-----END PRIVATE KEY-----",
]


@pytest.mark.parametrize("opening", ["", "'", '"'], ids=["unquoted", "single quotes", "double quotes"])
@pytest.mark.parametrize("key", ["REDIS_PASSWORD", "SIGNING_KEY"])
def test_a_value_of_several_lines_is_refused_without_a_word_of_it(load, key, opening):
    with pytest.raises(settings.SettingsError) as error:
        load("\n".join(["LOG_LEVEL=debug", f"{key}={opening}{PEM[0]}", *PEM[1:], opening]))
    said = str(error.value)
    assert ".env:2:" in said or ".env:3:" in said
    for line in PEM:
        assert line.strip("=") not in said


def test_an_address_with_a_password_is_not_repeated(load):
    with pytest.raises(settings.SettingsError, match="REGISTRY_MIRROR must be host") as error:
        load("REGISTRY_MIRROR=https://me:hunter22@mirror.example.com")
    assert "hunter22" not in str(error.value)


def test_a_bad_environment_variable_is_named(load):
    with pytest.raises(settings.SettingsError) as error:
        load("", KAFKA_PORT="tcp://10.0.0.1:9092")
    assert "environment variable: KAFKA_PORT is 'tcp://10.0.0.1:9092'" in str(error.value)


def test_all_problems_are_told_at_once(load):
    with pytest.raises(settings.SettingsError) as error:
        load("POSTGRES_PORT=x\nREDIS_PORT=y\nNOPE=1")
    assert len(error.value.problems) == 3


def test_another_file_than_env_has_to_exist(tmp_path):
    with pytest.raises(settings.SettingsError, match="does not exist"):
        settings.load({settings.ENV_FILE_VARIABLE: str(tmp_path / "absent")})


def test_no_file_at_all():
    assert settings.load({settings.ENV_FILE_VARIABLE: ""}) == {}


def test_effective_values_are_checked_wherever_they_come_from():
    values = _defaults() | {"postgres_port": "five"}
    assert "POSTGRES_PORT is 'five'; it must be a whole number from 1 to 65535." in settings.check(values)


def test_the_example_sets_every_setting_to_its_default():
    values = settings.load({settings.ENV_FILE_VARIABLE: str(settings.ROOT / ".env.example")})
    assert values == _defaults()


def test_what_means_something_to_docker_compose_alone_is_not_ours(load, tmp_path):
    text = "COMPOSE_PROFILES=full\nSECRET_POSTGRES_ORDER=abc\nDOCKER_DATA_ROOT=/data\nPOSTGRES_PORT=6000"
    assert load(text) == {"postgres_port": 6000}
    environ = {settings.ENV_FILE_VARIABLE: str(tmp_path / ".env"), "COMPOSE_PROFILES": "", "HOME": "/"}
    assert settings.compose_variables(environ) == {
        "COMPOSE_PROFILES": "",
        "SECRET_POSTGRES_ORDER": "abc",
        "DOCKER_DATA_ROOT": "/data",
    }
