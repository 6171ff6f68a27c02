"""A platform's description: the catalogue entries made from it, and its error messages."""

import pytest
import yaml

from cloudlab.model import catalogue, platform, settings


def fails(checkout, components):
    with pytest.raises(platform.PlatformError) as raised:
        platform.merged(components, checkout.root)
    return "\n".join(raised.value.problems)


def test_services_are_added_with_every_default(checkout, components):
    checkout.describe()
    merged = platform.merged(components, checkout.root)
    assert list(merged) == [*components, "order"]
    order = merged["order"]
    assert (order["role"], order["kind"], order["image"]) == ("go_service", "service", "go-runtime")
    assert order["needs"] == ["builder", "postgres"]
    assert order["networks"] == ["backend", "database"]
    assert order["replicas"] == 1
    assert order["go"] == {"module": ".", "main": "./cmd/order", "args": [], "working_dir": ".", "tags": []}
    assert {"memory", "cpus", "pids"} <= catalogue.resources(order, "lite").keys()


def test_the_working_directory_defaults_to_the_module(checkout, components):
    checkout.write("sub/go.mod", "module example.com/sub\n")
    checkout.write("sub/main.go", "package main\n")
    checkout.describe(go={"module": "sub", "main": "."})
    assert platform.merged(components, checkout.root)["order"]["go"]["working_dir"] == "sub"


def test_a_changed_description_is_read_again(checkout, components):
    checkout.describe()
    platform.merged(components, checkout.root)
    checkout.describe(summary="Something that is longer")
    assert platform.merged(components, checkout.root)["order"]["summary"] == "Something that is longer"


def test_another_file_may_describe_the_platform(checkout, components):
    checkout.describe()
    (checkout.root / "cloudlab.yml").rename(checkout.root / "dev.yml")
    assert "order" in platform.merged(components, checkout.root, "dev.yml")


def test_a_missing_checkout(tmp_path, components):
    with pytest.raises(platform.PlatformError, match=r"nowhere: the folder does not exist\. Set PLATFORM_SRC"):
        platform.merged(components, tmp_path / "nowhere")


def test_a_checkout_without_description(tmp_path, components):
    with pytest.raises(platform.PlatformError, match=r"cloudlab\.yml: No such file or directory"):
        platform.merged(components, tmp_path)


@pytest.mark.parametrize("text", ["services: [", "services: [order]", "[]", "", "other: {}"])
def test_a_description_of_another_shape(checkout, components, text):
    checkout.write("cloudlab.yml", text)
    assert "cloudlab.yml: " in fails(checkout, components)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"need": ["postgres"]}, "services.order: unknown key need. Did you mean needs?"),
        ({"summary": None}, "services.order: summary must be set."),
        ({"go": None}, "services.order: go must be set."),
        ({"needs": ["postgers"]}, "services.order.needs: unknown component postgers. Did you mean postgres?"),
        ({"needs": "postgres"}, "services.order.needs: expected a list, found a string."),
        ({"needs": ["order", "postgres"]}, "services.order.needs: order cannot need itself."),
        ({"replicas": 0}, "services.order.replicas: expected a whole number from 1, found 0."),
        ({"grpc": 70000}, "services.order.grpc: expected a port from 1 to 65535, found 70000."),
        ({"schema": "yes"}, "services.order.schema: expected true or false, found 'yes'."),
        ({"database": "orders"}, "services.order: schema and database exclude each other."),
        (
            {"volumes": {"media": "content"}},
            "services.order.volumes.media: expected an absolute path in the container, found 'content'.",
        ),
        (
            {"ports": [{"name": "http", "container": 1}]},
            "services.order.ports[0]: exactly one of host, setting must be set.",
        ),
        ({"ports": [{"container": 1, "host": 2}]}, "services.order.ports[0]: name must be set."),
        ({"topics": [{"nam": "x"}]}, "services.order.topics[0]: unknown key nam. Did you mean name?"),
        ({"health": {}}, "services.order.health: exactly one of http, grpc, tcp, none must be set."),
        (
            {"health": {"http": "/x", "tcp": 1}},
            "services.order.health: exactly one of http, grpc, tcp, none must be set.",
        ),
        (
            {"health": {"http": "readyz"}},
            "services.order.health.http: expected a path that begins with /, found 'readyz'.",
        ),
        ({"health": {"http": "/x"}, "ports": [], "env": {}}, "services.order: health.port must be set"),
        ({"env": {"DEBUG": True}}, "services.order.env.DEBUG: expected a string or a whole number (put other"),
        ({"env": {"X": "{redis.host}"}}, "services.order.env.X: {redis.host}: order does not need redis. Add it"),
        ({"go": {"main": "./cmd/odrer"}}, "does not exist. Did you mean ./cmd/order?"),
        ({"go": {"main": "./internal/x"}}, "has no package main. "),
        ({"go": {"main": "../elsewhere"}}, "services.order.go.main: ../elsewhere must be a folder below"),
        ({"go": {"main": ".", "module": "none"}}, "none does not exist. It is relative to the checkout"),
        ({"go": {"main": ".", "module": "/etc"}}, "services.order.go.module: /etc must be a folder below"),
        ({"go": {"main": "./cmd/order", "working_dir": "conf"}}, "services.order.go.working_dir: "),
        ({"go": {"main": "./cmd/order", "flags": []}}, "services.order.go: unknown key flags. Did you mean tags?"),
    ],
)
def test_a_problem_has_its_key_path_and_a_hint(checkout, components, changes, message):
    checkout.describe(**changes)
    found = fails(checkout, components)
    assert message in found
    assert found.startswith(f"{checkout.root}/cloudlab.yml: services.order")


def test_a_checkout_without_module(checkout, components):
    checkout.describe()
    (checkout.root / "go.mod").unlink()
    assert "there is neither a go.mod nor a go.work" in fails(checkout, components)


@pytest.mark.parametrize("name", ["Order", "1order", "a_b", "x" * 32])
def test_invalid_names(checkout, components, name):
    checkout.describe(name)
    assert "expected a name of up to 31 lower-case letters" in fails(checkout, components)


@pytest.mark.parametrize("name", ["postgres", "builder", "always"])
def test_reserved_names(checkout, components, name):
    checkout.describe(name)
    assert f"the name {name} belongs to a component of the environment" in fails(checkout, components)


def test_two_services_on_one_port_of_the_host(checkout, components):
    checkout.describe()
    document = yaml.safe_load((checkout.root / "cloudlab.yml").read_text(encoding="utf-8"))
    document["services"]["twin"] = document["services"]["order"]
    checkout.write("cloudlab.yml", yaml.safe_dump(document))
    assert "the host port 8084 is used by order and twin" in fails(checkout, components)


def test_all_problems_are_reported_together(checkout, components):
    checkout.describe(replicas=0, grpc=0)
    assert len(fails(checkout, components).splitlines()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"env": {"KEY": {"value": 4711}}},
        {"env": {"KEY": 4711.5}},
        {"env": "KEY=4711"},
        {"access": {"password": 4711}},
        {"access": {"password": ["4711"]}},
    ],
)
def test_a_secret_is_not_in_a_message(checkout, components, changes):
    checkout.describe(**changes)
    assert "4711" not in fails(checkout, components).replace(str(checkout.root), "")


def test_a_yaml_error_has_its_line_without_the_content(checkout, components):
    checkout.write("cloudlab.yml", "services:\n  order: {password: hunter2\n")
    assert fails(checkout, components).startswith(f"{checkout.root}/cloudlab.yml: line 3, column 1: ")
    assert "hunter2" not in fails(checkout, components)


def test_the_second_platform_is_valid():
    merged = platform.merged(catalogue.committed()["catalogue"], settings.ROOT / "tests" / "platform-second")
    assert {"ledger", "mail-web", "mail-sweep", "fleet", "worker"} <= merged.keys()
