"""The container of a platform's seeding, and what its output means."""

import json

import pytest
from docker.errors import NotFound

from cloudlab.services import base, builder, seeding

DECLARED = {
    "go": {"module": "sub", "main": "./cmd/fill", "args": ["-n", 3], "working_dir": "sub/data", "tags": []},
    "env": {"PASSWORD": "{secret.admin}", "TARGET": "{mail.host}:{mail.grpc}"},
    "sizes": {"small": {"users": 2}, "medium": {"users": 20}},
}
SERVICE = {"kind": "service", "grpc": 9090, "ports": [], "go": {"main": "."}}
GATEWAY_PORTS = [{"name": "admin", "container": 9901}, {"name": "http", "container": 8443}]
BUILDER = {
    "name": "lab-builder",
    "component": "builder",
    "image": "golang:1",
    "needs": ["network"],
    "networks": [{"name": "lab-backend", "aliases": ["builder"]}],
    "mounts": [{"type": "volume", "source": "lab-builder-cache", "target": "/go"}],
    "cap_drop": ["ALL"],
    "restart_policy": "unless-stopped",
}
RESULT = {"changed": True, "made": {"users": 2}, "warnings": []}
LAST = json.dumps(RESULT).encode() + b"\n"


def context(**changes):
    gateway = {"spec": {"networks": [{"name": "lab-frontend", "aliases": ["gateway"]}, {"name": "lab-metrics"}]}}
    return {
        "instance": "lab",
        "components": {"gateway": gateway},
        "present": [{"component": "mail"}, {"component": "gateway"}],
        "catalogue": {"gateway": {"kind": "tool", "ports": GATEWAY_PORTS}, "mail": SERVICE},
    } | changes


def container(variables=None, **changes):
    settings = base.Settings(platform="/home/me/shop", stores={}, secret=lambda name: f"<{name}>", user="7:8")
    built = builder.spec(BUILDER, "{}", settings, "/project/files/reload", "/etc/ca.pem", {"GOPROXY": "direct"})
    return seeding.container(context(**changes), DECLARED, built, settings, variables or {})


class Client:
    """An engine with one container, which prints `output` and `errors` in these pieces and ends with `status`."""

    def __init__(self, *pieces, status=0):
        self.pieces, self.status = pieces, status

    def attach(self, name, **options):
        assert name == "lab-seed"
        assert options == {"stdout": True, "stderr": True, "stream": True, "logs": True, "demux": True}
        yield from self.pieces

    def wait(self, name):
        if self.status is None:
            raise NotFound("404", explanation=f"No such container: {name}")
        return {"StatusCode": self.status}


def follow(*pieces, status=0):
    """(result, lines of progress) of a seeding with this output."""
    lines = []
    return seeding.follow(Client(*pieces, status=status), "lab-seed", lines.append), lines


class TestSizes:
    def test_a_size_has_its_numbers(self):
        assert seeding.sizes(DECLARED) == DECLARED["sizes"]
        assert seeding.size_of(DECLARED, "medium") == {"users": 20}

    @pytest.mark.parametrize("declared", [None, {}])
    def test_a_platform_without_seeding_is_an_error(self, declared):
        with pytest.raises(seeding.SeedingError, match=r"declares no seeding\. Add `seed` to its cloudlab\.yml"):
            seeding.size_of(declared, "small")

    def test_an_unknown_size_is_an_error_with_the_nearest_one(self):
        with pytest.raises(seeding.SeedingError) as caught:
            seeding.size_of(DECLARED, "smal")
        assert str(caught.value) == "unknown size smal. Did you mean small? Valid: medium, small."


class TestContainer:
    def test_it_runs_the_command_of_the_checkout(self):
        spec = container()
        assert (spec["name"], spec["component"], spec["image"], spec["user"]) == ("lab-seed", "seed", "golang:1", "7:8")
        assert spec["entrypoint"] == ["/bin/sh", "-euc"]
        script, *arguments = spec["command"]
        assert "go build" in script and 'exec "$GOTMPDIR/seed" "$@"' in script
        assert arguments == ["seed", "./cmd/fill", "-n", "3"]
        assert (spec["working_dir"], spec["env"]["SEED_WORKING_DIR"]) == ("/src/sub", "/src/sub/data")
        assert spec["cap_drop"] == ["ALL"]

    def test_it_runs_once_and_is_not_a_builder(self):
        spec = container()
        assert (spec["restart_policy"], spec["needs"], spec["labels"]) == ("no", [], {})
        assert "healthcheck" not in spec
        mounts = {mount["target"] for mount in spec["mounts"]}
        assert {"/go", "/src"} <= mounts and builder.RELOAD_SOURCE not in mounts
        assert [file["target"] for file in spec["files"]] == [base.CA_BUNDLE]

    def test_it_reaches_what_the_builder_reaches_and_the_gateway(self):
        spec = container()
        assert spec["networks"] == [{"name": "lab-backend"}, {"name": "lab-frontend"}]
        assert spec["env"]["SEED_GATEWAY_URL"] == "http://gateway:8443"

    def test_a_network_of_both_is_listed_once(self):
        gateway = {"spec": {"networks": [{"name": "lab-backend", "aliases": ["gateway"]}]}}
        assert container(components={"gateway": gateway})["networks"] == [{"name": "lab-backend"}]

    def test_its_variables_are_the_builders_the_given_and_the_declared_ones(self):
        env = container({"SEED_SIZE": "small", "SEED_USER_PASSWORD": "p"})["env"]
        assert (env["GOPROXY"], env["SEED_SIZE"], env["SEED_USER_PASSWORD"]) == ("direct", "small", "p")
        assert (env["PASSWORD"], env["TARGET"]) == ("<admin>", "mail:9090")

    def test_its_passwords_are_secret(self):
        assert set(container()["secret_env"]) == {"PASSWORD", "TARGET", "SEED_USER_PASSWORD"}

    @pytest.mark.parametrize("changes", [{"components": {}}, {"present": [{"component": "mail"}]}])
    def test_without_a_gateway_it_is_an_error(self, changes):
        with pytest.raises(seeding.SeedingError, match=r"the gateway does not exist\. .* playbooks/dev\.yml"):
            container(**changes)


class TestFollow:
    def test_lines_are_progress_and_the_last_one_is_the_result(self):
        assert follow((b"compiling\n2 of 4 us", None), (b"ers\n\n", b"a warning\n"), (LAST, None)) == (
            RESULT,
            ["compiling", "2 of 4 users", ""],
        )

    def test_an_object_before_other_lines_is_progress(self):
        assert follow((b'{"level": "info"}\n' + LAST, None), (b"done\n" + LAST, None)) == (
            RESULT,
            ['{"level": "info"}', LAST.decode().strip(), "done"],
        )

    def test_characters_may_arrive_in_parts(self):
        text = "Zoë\n".encode()
        assert follow((text[:3], None), (text[3:], None), (LAST, None))[1] == ["Zoë"]
        with pytest.raises(seeding.SeedingError, match=r"^Zoë$"):
            follow((None, text[:3]), (None, text[3:]), status=1)

    def test_progress_is_passed_on_at_once(self):
        lines = []

        class Slow(Client):
            def attach(self, *_, **__):
                yield b"first\n", None
                assert lines == ["first"]
                yield LAST, None

        seeding.follow(Slow(), "lab-seed", lines.append)

    @pytest.mark.parametrize(
        "output",
        [
            b"", b"done\n", b"{half\n", b"{}\n", b'{"changed": "yes"}\n', b'[{"changed": true}]\n',
            LAST + b"and another line\n",
        ],
    )  # fmt: skip
    def test_a_last_line_that_is_no_result_is_an_error(self, output):
        with pytest.raises(seeding.SeedingError, match="last line is not a result"):
            follow((output, None))

    def test_a_result_without_a_line_break_is_read(self):
        assert follow((LAST.rstrip(), None)) == (RESULT, [])

    def test_a_failure_is_described_by_its_last_errors(self):
        errors = "".join(f"line {number}\n" for number in range(100)).encode()
        with pytest.raises(seeding.SeedingError) as caught:
            follow((b"compiling\n", errors[:333]), (None, errors[333:]), (LAST, b"\n"), status=1)
        assert str(caught.value).splitlines() == [f"line {number}" for number in range(75, 100)]

    def test_a_failure_without_errors_has_its_status(self):
        with pytest.raises(seeding.SeedingError, match=r"^exit status 137$"):
            follow((b"compiling\n", None), status=137)

    def test_a_removed_container_is_an_error(self):
        with pytest.raises(seeding.SeedingError, match="was removed before it ended: No such container: lab-seed"):
            follow((b"compiling\n", None), status=None)
