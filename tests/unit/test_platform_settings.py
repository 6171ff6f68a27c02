"""Settings that a platform declares: in .env, checked and documented like those of the environment."""

from pathlib import Path

import pytest
import yaml

from cloudlab.compose import placeholders
from cloudlab.model import catalogue, extension, platform, settings

SECOND = settings.ROOT / "tests" / "platform-second"
SERVICE = {"summary": "Shop", "go": {"main": "."}}


@pytest.fixture
def checkout(tmp_path):
    """A function that writes a platform of one service and returns its description and folder."""

    def write(**keys):
        (tmp_path / "go.mod").write_text("module shop\n\ngo 1.26\n")
        (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n")
        document = {"services": {"shop": SERVICE | keys.pop("service", {})}, **keys}
        (tmp_path / "cloudlab.yml").write_text(yaml.safe_dump(document))
        return document, tmp_path

    return write


def load(tmp_path: Path, text: str, source: Path, **environ):
    file = tmp_path / ".env"
    file.write_text(f"PLATFORM_SRC={source}\n{text}")
    return settings.load({settings.ENV_FILE_VARIABLE: str(file), **environ})


PORT = {"ports": [{"name": "http", "container": 80, "setting": "shop_http_port", "default": 8181}]}


def test_a_port_that_a_service_declares_is_a_setting(checkout, tmp_path):
    _, root = checkout(service=PORT)
    assert load(tmp_path, "SHOP_HTTP_PORT=9181", root)["shop_http_port"] == 9181
    assert load(tmp_path, "", root, SHOP_HTTP_PORT="9182")["shop_http_port"] == 9182
    with pytest.raises(settings.SettingsError, match="SHOP_HTTP_PORT is 70000; it must be from 1 to 65535"):
        load(tmp_path, "SHOP_HTTP_PORT=70000", root)
    with pytest.raises(settings.SettingsError, match=r"unknown key SHOP_HTPT_PORT. Did you mean SHOP_HTTP_PORT\?"):
        load(tmp_path, "SHOP_HTPT_PORT=9181", root)


def test_the_settings_are_those_of_the_selected_platform(checkout, tmp_path):
    _, root = checkout(service=PORT)
    with pytest.raises(settings.SettingsError, match="unknown key ORDER_SERVICE_PORT"):
        load(tmp_path, "ORDER_SERVICE_PORT=9085", root)
    assert load(tmp_path, "WORKER_TONE=loud\nSECOND_WORKER_PORT=1", SECOND)["worker_tone"] == "loud"


def test_a_service_without_a_port_in_env_has_the_declared_one(checkout):
    _, root = checkout(service=PORT)
    options = settings.spec({"platform_src": str(root), "platform_catalogue": ""})
    entries = platform.merged({"builder": {}}, root)
    values = {"port_offset": 100} | {name: option["default"] for name, option in options.items()}
    assert catalogue.host_ports(entries, ["shop"], values | {"port_offset": 100}) == {"shop": {"http": 8281}}


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        ({"type": "str", "default": "EUR"}, "USD", "USD"),
        ({"type": "int", "default": 3}, "7", 7),
        ({"type": "bool", "default": True}, "false", "false"),
        ({"type": "str", "default": "a", "choices": ["a", "b"]}, "b", "b"),
    ],
)
def test_a_setting_of_the_platform_is_set_in_env(checkout, tmp_path, option, given, expected):
    _, root = checkout(settings={"shop_mode": option})
    assert load(tmp_path, f"SHOP_MODE={given}", root)["shop_mode"] == expected


@pytest.mark.parametrize(
    ("option", "given", "message"),
    [
        ({"type": "int", "default": 3}, "many", "SHOP_MODE is 'many'; it must be a whole number"),
        ({"type": "bool", "default": True}, "yes", "it must be one of true, false"),
        ({"type": "str", "default": "a", "choices": ["a", "b"]}, "c", "it must be one of a, b"),
    ],
)
def test_an_invalid_value_is_an_error(checkout, tmp_path, option, given, message):
    _, root = checkout(settings={"shop_mode": option})
    with pytest.raises(settings.SettingsError, match=message):
        load(tmp_path, f"SHOP_MODE={given}", root)


def test_an_unreadable_description_is_reported_by_the_settings(tmp_path):
    with pytest.raises(settings.SettingsError, match="Let PLATFORM_SRC name"):
        load(tmp_path, "", tmp_path / "nowhere")


def test_the_platform_decides_the_defaults_of_the_token_check(checkout, tmp_path):
    _, root = checkout(gateway={"jwt": {"service": "shop", "audiences": ["web", "app"]}})
    file = tmp_path / ".env"
    file.write_text(f"PLATFORM_SRC={root}")
    defaults = settings.platform_defaults({settings.ENV_FILE_VARIABLE: str(file)})
    assert defaults["gateway_jwt_service"] == "shop"
    assert defaults["gateway_jwt_audiences"] == "web,app"
    assert defaults["gateway_jwt_jwks_path"] == "/.well-known/jwks.json"
    assert settings.of_platform({"platform_src": str(SECOND)})["gateway_jwt_service"]["default"] == ""


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"setting": {}}, "unknown key setting. Did you mean settings?"),
        ({"settings": {"mode": {"type": "str", "default": ""}}}, "settings.mode: expected a name of at least two"),
        ({"settings": {"docker_mode": {"type": "str", "default": ""}}}, "a name cannot begin with docker_"),
        ({"settings": {"redis_port": {"type": "int", "default": 1}}}, "redis_port is a variable of the environment"),
        ({"settings": {"report_access": {"type": "int", "default": 1}}}, "report_access is a variable of"),
        ({"settings": {"shop_mode": {"type": "text", "default": ""}}}, "type: expected one of str, int, bool"),
        ({"settings": {"shop_mode": {"type": "int", "default": True}}}, "default: True is not of the type int"),
        ({"settings": {"shop_mode": {"type": "str", "default": "x", "choices": ["y"]}}}, "that contains the default"),
        ({"settings": {"shop_mode": 3}}, "settings.shop_mode: expected a mapping"),
        ({"gateway": {"jwt": {"service": "shpo"}}}, "gateway.jwt.service: unknown service shpo. Did you mean shop?"),
        ({"gateway": {"jwt": {"servce": "shop"}}}, "gateway.jwt: unknown key servce. Did you mean service?"),
        ({"service": {"env": {"A": "{setting.shop_mod}"}}}, "services.shop: {setting.shop_mod}: unknown setting"),
        ({"seed": {"go": {"main": "."}}}, "seed.sizes: expected a mapping of at least one size"),
        ({"seed": {"go": {"main": "."}, "sizes": {"small": {"users": "x"}}}}, "seed.sizes.small: expected the number"),
        ({"seed": {"go": {"main": "./cmd"}, "sizes": {"small": {"users": 1}}}}, "seed.go.main: "),
        ({"seed": {"main": "."}}, "seed: expected a mapping with `go`"),
    ],
)
def test_a_wrong_declaration_is_reported_with_its_place(checkout, keys, message):
    _, root = checkout(**keys)
    with pytest.raises(platform.PlatformError) as error:
        platform.merged({"builder": {}}, root)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("port", "message"),
    [
        ({"setting": "shop_http_port"}, "default must be set: the port of shop_http_port"),
        ({"setting": "shop_http", "default": 1}, "setting: shop_http must end with _port"),
        ({"host": 8080, "default": 8081}, "default: belongs to a port with `setting`"),
    ],
)
def test_a_wrong_port_is_reported(checkout, port, message):
    document, _ = checkout(service={"ports": [{"name": "http", "container": 80, **port}]})
    assert any(message in problem for problem in extension.problems(document, settings.taken()))


def test_the_export_has_a_placeholder_for_every_setting_of_the_platform(checkout):
    option = {"type": "str", "default": "EUR"}
    _, root = checkout(settings={"shop_mode": option, "shop_count": {"type": "int", "default": 3}})
    options = settings.spec({"platform_src": str(root)})
    for hostile in (False, True):
        values = placeholders.values(options, hostile)
        text = f"mode {values['shop_mode']}, count {values['shop_count']}"
        expressed = placeholders.Expressions(options, hostile).apply(text)
        assert expressed == "mode ${SHOP_MODE:-EUR}, count ${SHOP_COUNT:-3}"
