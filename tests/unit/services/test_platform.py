"""A platform's description: what it becomes, and what is said when it is wrong."""

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


def test_the_working_directory_is_the_modules_folder_unless_it_is_named(checkout, components):
    checkout.write("sub/go.mod", "module example.com/sub\n")
    checkout.write("sub/main.go", "package main\n")
    checkout.describe(go={"module": "sub", "main": "."})
    assert platform.merged(components, checkout.root)["order"]["go"]["working_dir"] == "sub"


def test_a_changed_description_is_read_anew(checkout, components):
    checkout.describe()
    platform.merged(components, checkout.root)
    checkout.describe(summary="Something that is longer")
    assert platform.merged(components, checkout.root)["order"]["summary"] == "Something that is longer"


def test_another_file_may_describe_the_platform(checkout, components):
    checkout.describe()
    (checkout.root / "cloudlab.yml").rename(checkout.root / "dev.yml")
    assert "order" in platform.merged(components, checkout.root, "dev.yml")


def test_a_checkout_that_is_not_there(tmp_path, components):
    with pytest.raises(platform.PlatformError, match=r"nowhere: no such folder\. Let PLATFORM_SRC name"):
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
        ({"needs": "postgres"}, "services.order.needs: 'postgres' is not a list of texts."),
        ({"needs": ["order", "postgres"]}, "services.order.needs: order cannot need itself."),
        ({"replicas": 0}, "services.order.replicas: 0 is not a whole number from 1."),
        ({"grpc": 70000}, "services.order.grpc: 70000 is not a port, 1 to 65535."),
        ({"schema": "yes"}, "services.order.schema: 'yes' is not true or false."),
        ({"database": "orders"}, "services.order.database: a service has a schema in the common database or"),
        (
            {"volumes": {"media": "content"}},
            "services.order.volumes.media: an absolute path in the container is wanted.",
        ),
        ({"ports": [{"name": "http", "container": 1}]}, "services.order.ports, item 1: exactly one of host"),
        ({"ports": [{"container": 1, "host": 2}]}, "services.order.ports, item 1: name must be set."),
        ({"topics": [{"nam": "x"}]}, "services.order.topics, item 1: unknown key nam. Did you mean name?"),
        ({"health": {}}, "services.order.health: exactly one of http, grpc, tcp, none is wanted."),
        (
            {"health": {"http": "/x", "tcp": 1}},
            "services.order.health: exactly one of http, grpc, tcp, none is wanted.",
        ),
        ({"health": {"http": "readyz"}}, "services.order.health.http: 'readyz' is not a path; it begins with /."),
        ({"health": {"http": "/x"}, "ports": [], "env": {}}, "services.order.health: port must be set"),
        ({"env": {"DEBUG": True}}, "services.order.env.DEBUG: True is ambiguous as the value of a variable"),
        ({"env": {"X": "{redis.host}"}}, "services.order.env.X: {redis.host}: order does not need redis. Add it"),
        ({"go": {"main": "./cmd/odrer"}}, "does not exist. Did you mean ./cmd/order?"),
        ({"go": {"main": "./internal/x"}}, "holds no package main. "),
        ({"go": {"main": "../elsewhere"}}, "services.order.go.main: ../elsewhere must be a folder below"),
        ({"go": {"main": ".", "module": "none"}}, "none does not exist. It is relative to the checkout"),
        ({"go": {"main": ".", "module": "/etc"}}, "services.order.go.module: /etc must be a folder below"),
        ({"go": {"main": "./cmd/order", "working_dir": "conf"}}, "services.order.go.working_dir: "),
        ({"go": {"main": "./cmd/order", "flags": []}}, "services.order.go: unknown key flags. Did you mean tags?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_cure(checkout, components, changes, message):
    checkout.describe(**changes)
    found = fails(checkout, components)
    assert message in found
    assert found.startswith(f"{checkout.root}/cloudlab.yml: services.order")


def test_a_checkout_without_module(checkout, components):
    checkout.describe()
    (checkout.root / "go.mod").unlink()
    assert "there is neither a go.mod nor a go.work" in fails(checkout, components)


@pytest.mark.parametrize("name", ["Order", "1order", "a_b", "x" * 32])
def test_names_that_cannot_be(checkout, components, name):
    checkout.describe(name)
    assert "a name is up to 31 lower-case letters" in fails(checkout, components)


@pytest.mark.parametrize("name", ["postgres", "builder", "always"])
def test_names_that_are_taken(checkout, components, name):
    checkout.describe(name)
    assert f"{name} is the name of a component of the environment already" in fails(checkout, components)


def test_two_services_on_one_port_of_the_host(checkout, components):
    checkout.describe()
    document = yaml.safe_load((checkout.root / "cloudlab.yml").read_text(encoding="utf-8"))
    document["services"]["twin"] = document["services"]["order"]
    checkout.write("cloudlab.yml", yaml.safe_dump(document))
    assert "the host port 8084 is wanted by order and twin" in fails(checkout, components)


def test_all_that_is_wrong_is_said_at_once(checkout, components):
    checkout.describe(replicas=0, grpc=0)
    assert len(fails(checkout, components).splitlines()) == 2


def test_the_second_platform_is_right():
    merged = platform.merged(catalogue.committed()["catalogue"], settings.ROOT / "tests" / "platform-second")
    assert {"ledger", "mail-web", "mail-sweep", "fleet", "worker"} <= merged.keys()
