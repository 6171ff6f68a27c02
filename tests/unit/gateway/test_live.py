"""A change of a running gateway: the order of its steps, and what happens if Envoy rejects one."""

import json

import pytest
from gateway_samples import SERVICES, SETTINGS

from cloudlab.gateway import config, envoy, live, model

C, L, R = config.FILES


def text(*names, version="1"):
    return json.dumps({"version_info": version, "resources": [{"name": name} for name in names]})


def names(document):
    return [resource["name"] for resource in json.loads(document)["resources"]]


class TestTransition:
    def test_a_first_configuration_is_written_once_each(self):
        want = {C: text("a"), L: text("l"), R: text("r")}
        assert live.transition({C: None, L: None, R: None}, want) == [(C, want[C]), (L, want[L]), (R, want[R])]

    def test_without_a_change_nothing_is_written(self):
        want = {C: text("a"), L: text("l"), R: text("r")}
        assert live.transition(want, want) == []

    def test_a_cluster_stays_until_no_route_needs_it(self):
        have = {C: text("a", "b"), L: text("l"), R: text("old")}
        want = {C: text("a", "c"), L: text("l"), R: text("new")}
        steps = live.transition(have, want)
        assert [name for name, _ in steps] == [C, R, C]
        assert names(steps[0][1]) == ["a", "c", "b"]
        assert names(steps[2][1]) == ["a", "c"]

    def test_an_invalid_file_is_replaced(self):
        want = {C: text("a"), L: text("l"), R: text("r")}
        for invalid in ("", "{", "[]", '{"resources": [{}]}'):
            assert live.transition({C: invalid, L: text("l"), R: text("r")}, want) == [(C, want[C])]


class FakeEnvoy:
    """A substitute for `envoy`: a running Envoy that loads, rejects or does not detect the files in its folder."""

    EnvoyError = envoy.EnvoyError

    def __init__(self, folder, *, running=True, rejects=(), blind=False, invalid=None):
        self.folder, self.running, self.rejects, self.blind, self.invalid = folder, running, rejects, blind, invalid
        self.versions = dict.fromkeys(config.FILES, "")
        self.rejected = dict.fromkeys(config.FILES, 0)
        self.validations = self.restarts = 0

    def has_image(self, *_):
        return True

    def runs(self, *_):
        return self.running

    def validate(self, *_):
        self.validations += 1
        if self.invalid:
            raise envoy.EnvoyError(self.invalid)

    def query(self, *_):
        if not self.blind:
            self.read()
        return envoy.State(dict(self.versions), dict(self.rejected), warming=False)

    def read(self):
        for name in config.FILES:
            path = self.folder / name
            if path.exists() and (found := config.version(path.read_text())) != self.versions[name]:
                if name in self.rejects:
                    self.rejected[name] += 1
                else:
                    self.versions[name] = found

    def rejection(self, *_):
        return "no such thing"

    def restart(self, *_):
        self.restarts += 1
        self.read()


@pytest.fixture
def target(tmp_path):
    return live.Target("cloudlab", tmp_path, "cloudlab-gateway", "gateway:1", notice=0.2)


@pytest.fixture
def fake(monkeypatch, target):
    def install(**behaviour):
        made = FakeEnvoy(target.folder, **behaviour)
        monkeypatch.setattr(live, "envoy", made)
        return made

    return install


def made(*extra):
    services = [*SERVICES[:1], SERVICES[1] | {"routes": [*SERVICES[1]["routes"], *extra]}, *SERVICES[2:]]
    return model.read(services, SETTINGS)


NEW = {"prefix": "/new", "auth": "none"}


def no_engine():
    raise AssertionError("the engine was queried")


def engine():
    return None


def on_disk(target):
    return {path.name: path.read_text() for path in target.folder.iterdir()}


def test_files_are_written_before_the_gateway_starts(target, fake):
    fake(running=False)
    outcome = live.converge(made(), target, engine, check=False)
    assert outcome.changed and not outcome.live
    assert on_disk(target) == config.live_files(made())
    assert target.folder.stat().st_mode & 0o777 == 0o755


def test_without_a_change_the_engine_is_not_queried(target, fake):
    fake()
    live.converge(made(), target, engine, check=False)
    outcome = live.converge(made(), target, no_engine, check=False)
    assert not outcome.changed


def test_the_files_are_validated_again_with_a_new_image(target, fake):
    running = fake(running=False)
    live.converge(made(), target, engine, check=False)
    other = live.Target(target.instance, target.directory, target.container, "gateway:2")
    outcome = live.converge(made(), other, engine, check=False)
    assert running.validations == 2 and not outcome.changed


def test_the_running_gateway_loads_a_change(target, fake):
    running = fake()
    live.converge(made(), target, engine, check=False)
    outcome = live.converge(made(NEW), target, engine, check=False)
    assert outcome.changed and outcome.live and list(outcome.after) == [R]
    assert running.versions[R] == config.version(config.live_files(made(NEW))[R])


def test_check_mode_validates_and_writes_nothing(target, fake):
    running = fake()
    outcome = live.converge(made(), target, engine, check=True)
    assert outcome.changed and running.validations == 1
    assert not target.folder.exists() and not target.marker.exists()


def test_an_invalid_configuration_is_not_written(target, fake):
    fake()
    live.converge(made(), target, engine, check=False)
    before = on_disk(target)
    fake(invalid="bad")
    with pytest.raises(envoy.EnvoyError, match="bad"):
        live.converge(made(NEW), target, engine, check=False)
    assert on_disk(target) == before


def test_a_rejected_configuration_is_rolled_back(target, fake):
    fake()
    live.converge(made(), target, engine, check=False)
    before = on_disk(target)
    fake(rejects=(R,)).versions = {name: config.version(content) for name, content in before.items()}
    with pytest.raises(envoy.EnvoyError, match=r"rejects the new rds\.json.*in use: no such thing"):
        live.converge(made(NEW), target, engine, check=False)
    assert on_disk(target) == before
    assert not live.converge(made(), target, no_engine, check=False).changed


def test_a_gateway_that_detects_no_change_is_restarted(target, fake):
    running = fake(blind=True)
    outcome = live.converge(made(), target, engine, check=False)
    assert running.restarts == 1 and "was restarted" in outcome.warnings[0]


def test_an_interrupted_change_is_completed(target, fake):
    running = fake()
    live.converge(made(), target, engine, check=False)
    target.marker.unlink()
    running.versions = dict.fromkeys(config.FILES, "older")
    outcome = live.converge(made(), target, engine, check=False)
    assert not outcome.changed and set(running.versions.values()) != {"older"}
    assert target.marker.exists()
