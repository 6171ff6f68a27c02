"""Services that are added, multiplied, and that cannot run."""

import re

import requests
import yaml
from lab import wait_until

SERVES = """package main

import "net/http"

func main() {
	answer := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("eleventh")) }
	panic(http.ListenAndServe(":8080", http.HandlerFunc(answer)))
}
"""
DOES_NOT_COMPILE = "package main\n\nfunc main() { nothing() }\n"
CRASHES = 'package main\n\nfunc main() { panic("out of ideas") }\n'
ENTRY = {
    "summary": "The eleventh service",
    "ports": [{"name": "http", "container": 8080, "host": 8099}],
    "health": {"http": "/"},
    "routes": [{"prefix": "/api/v1/eleventh", "auth": "none"}],
}


def describe(checkout, change):
    """Change the platform's description with `change(services)`."""
    file = checkout / "cloudlab.yml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(document["services"])
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def add(checkout, name, source, **entry):
    folder = checkout / "cmd" / name
    folder.mkdir()
    (folder / "main.go").write_text(source, encoding="utf-8")
    describe(checkout, lambda services: services.update({name: ENTRY | entry | {"go": {"main": f"./cmd/{name}"}}}))


def gateway(lab, path):
    return requests.get(f"http://127.0.0.1:{lab.port('gateway', 'http')}{path}", timeout=10)


def test_an_eleventh_service_is_one_entry(lab, checkout):
    before = lab.identities()
    add(checkout, "eleventh", SERVES)
    lab.converge()
    wait_until(lambda: gateway(lab, "/api/v1/eleventh").text == "eleventh", "the gateway has the new route", 30)
    # The builder learns of it by a new configuration; nobody else notices.
    after = lab.identities()
    assert {name for name, life in before.items() if after[name] != life} == {"builder"}


def test_what_cannot_run_is_named_and_keeps_nobody_from_running(lab, checkout):
    add(checkout, "typo", DOES_NOT_COMPILE, ports=[], health={"none": True}, routes=[])
    add(checkout, "crash", CRASHES, ports=[], health={"none": True}, routes=[])
    run = lab.converge(status=2)
    assert re.search(r"typo.*undefined: nothing", run.output, re.DOTALL)
    assert re.search(r"crash.*out of ideas", run.output, re.DOTALL)
    states = {name: item["State"]["Health"]["Status"] for name, item in lab.containers().items()}
    assert {name for name, state in states.items() if state != "healthy"} == {"typo", "crash"}


def test_a_service_that_is_no_longer_described_goes(lab, checkout):
    describe(checkout, lambda services: [services.pop(name) for name in ("typo", "crash", "eleventh")])
    lab.converge()
    assert not {"typo", "crash", "eleventh"} & lab.present()
    assert gateway(lab, "/api/v1/eleventh").status_code == 404


def test_replicas_come_share_the_load_and_go(lab, checkout):
    describe(checkout, lambda services: services["search"].update(replicas=2))
    lab.converge()
    other = f"{lab.container('search')}-2"

    def both_answer():
        gateway(lab, "/api/v1/search?q=lamp")
        return all('"/api/v1/search"' in lab.client.logs(name).decode() for name in (lab.container("search"), other))

    wait_until(both_answer, "both replicas have answered", 60)
    assert lab.converge().changed == 0
    describe(checkout, lambda services: services["search"].update(replicas=1))
    lab.converge()
    assert not lab.client.containers(all=True, filters={"name": f"^{other}$"})
