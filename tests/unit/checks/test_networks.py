"""The checks of name resolution and reachability."""

import pytest

from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.validate import networks

PORTS = {"http": {"container": 8080}}
ENVIRONMENT = {
    "instance": "lab",
    "components": {
        "gateway": {"networks": ["front", "back"], "ports": PORTS},
        "order": {"networks": ["back", "data"], "ports": PORTS},
        "redis": {"networks": ["data"], "ports": {"redis": {"container": 6379}}},
    },
    "catalogue": {"gateway": {}, "order": {"grpc": 9090}, "redis": {}},
    "networks": {name: {"name": f"lab-{name}"} for name in ("front", "back", "data")},
}


def container(component, paused=False, **addresses):
    return {
        "State": {"Status": "running", "Paused": paused},
        "Config": {"Labels": {"cloudlab.component": component}},
        "NetworkSettings": {"Networks": {f"lab-{name}": {"IPAddress": ip} for name, ip in addresses.items()}},
    }


CONTAINERS = {
    "lab-gateway": container("gateway", front="1.0.0.1", back="2.0.0.1"),
    "lab-order": container("order", back="2.0.0.2", data="3.0.0.2"),
    "lab-order-2": container("order", back="2.0.0.3", data="3.0.0.3"),
    "lab-redis": container("redis", data="3.0.0.4"),
}
NAMES = {"order": frozenset({"2.0.0.2", "2.0.0.3"})}
OPEN = frozenset({"2.0.0.2:8080", "2.0.0.2:9090"})


def trial(containers=CONTAINERS):
    """The test in the gateway's container."""
    return next(of for of, *_ in networks.trials(ENVIRONMENT, containers) if of.component == "gateway")


def judge(names=NAMES, reached=OPEN, healthy=("order", "redis"), containers=CONTAINERS):
    return networks.judge(trial(containers), networks.Answer(names, reached), healthy)


def test_one_container_is_tested_per_set_of_networks():
    found = networks.trials(ENVIRONMENT, CONTAINERS)
    assert [[each.name for each in of] for of in found] == [
        ["lab-gateway"],
        ["lab-order", "lab-order-2"],
        ["lab-redis"],
    ]


def test_components_on_common_and_on_other_networks_are_tested():
    found = trial()
    assert found.shared == {"order"}
    assert found.own["order"] == {"2.0.0.2", "2.0.0.3"}
    assert found.addresses == {"order": ("2.0.0.2:8080", "2.0.0.2:9090"), "redis": ("3.0.0.4:6379",)}


def test_a_paused_container_is_not_tested():
    assert [
        of[0].component for of in networks.trials(ENVIRONMENT, {"lab-redis": container("redis", paused=True)})
    ] == []


def test_expected_names_and_reachability_pass():
    names, reach = judge()
    assert (names.state, names.text) == (OK, "1 names resolve")
    assert (reach.state, reach.text) == (OK, "1 components reachable, 1 unreachable")


def test_a_reachable_component_on_another_network_fails():
    _, reach = judge(reached=OPEN | {"3.0.0.4:6379"})
    assert (reach.state, reach.text) == (FAILED, "reaches redis, which is on none of its networks")
    assert reach.cure.endswith("--tags gateway,redis")


def test_a_closed_port_of_a_healthy_component_fails():
    _, reach = judge(reached=frozenset({"2.0.0.2:8080"}))
    assert reach.text == "cannot connect to order on port 9090"


def test_a_closed_port_of_an_unhealthy_component_is_ignored():
    assert judge(reached=frozenset(), healthy=["redis"])[1].state == OK


@pytest.mark.parametrize(
    ("names", "told"),
    [({}, "order does not resolve"), ({"order": frozenset({"9.9.9.9"})}, "order resolves to 9.9.9.9, which is not")],
)
def test_missing_and_wrong_names_fail(names, told):
    assert told in judge(names=names)[0].text


def test_a_disconnected_container_does_not_resolve():
    alone = CONTAINERS | {"lab-order": container("order", data="3.0.0.2"), "lab-order-2": container("order")}
    names, reach = judge(names={}, reached=frozenset(), containers=alone)
    assert names.text == "order does not resolve"
    assert reach.state == OK


def test_an_image_without_a_shell_is_a_note():
    [check] = networks.judge(trial(), None, [])
    assert check.state == NOTE


def test_members_that_are_not_managed_fail():
    present = {"lab-back": ["lab-gateway", "lab-order"], "lab-data": ["lab-redis", "spy"]}
    front, back, data = networks.members(ENVIRONMENT, present, ["lab-gateway", "lab-order", "lab-redis"])
    assert (front.state, front.text) == (FAILED, "absent")
    assert back.state == OK
    assert (data.state, data.text) == (FAILED, "spy: not managed by Cloudlab")
    assert data.cure == "docker network disconnect -f lab-data spy"


class Shell:
    """An engine whose containers answer commands: the first argument of the script -> (output, exit code)."""

    def __init__(self, names, connections):
        self.answers = {networks.NAMES: names, networks.CONNECTIONS: connections}

    def exec_create(self, _container, command, stderr):
        assert not stderr
        return {"Id": command[command.index("-c") + 1]}

    def exec_start(self, job):
        return self.answers[job][0].encode()

    def exec_inspect(self, job):
        return {"ExitCode": self.answers[job][1]}


def test_the_output_of_the_scripts_is_parsed():
    names = "2.0.0.2  STREAM order\n2.0.0.2  DGRAM  \n2.0.0.3  STREAM \n2.0.0.3  DGRAM  \n"
    # The script was killed at its timeout, because one of the targets does not respond.
    shell = Shell((names, 0), ("2.0.0.2:9090\n2.0.0.2:8080\n", 124))
    assert networks.ask(shell, trial()) == networks.Answer(NAMES, OPEN)


@pytest.mark.parametrize("code", [126, 127])
def test_a_container_without_a_shell_has_no_result(code):
    assert networks.ask(Shell(("exec: timeout: not found", code), ("", 0)), trial()) is None
