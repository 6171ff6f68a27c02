"""The order of work: after dependencies, bounded, and in spite of failures."""

from __future__ import annotations

import threading
from collections import Counter

from cloudlab.containers import schedule
from cloudlab.containers.apply import Failure, Outcome
from cloudlab.engine.waiting import NotReady, Watcher


class Recorder:
    """Work that notes when each container is worked on, and how many are at once."""

    def __init__(self, failing=()):
        self.failing = failing
        self.begun: list[str] = []
        self.most = self.now = 0
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def __call__(self, name: str) -> Outcome:
        with self._lock:
            self.begun.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
        self._pause.wait(0.005)
        with self._lock:
            self.now -= 1
        if name in self.failing:
            raise Failure(f"{name} is broken")
        return Outcome(f"id-{name}")


class Verdicts(Watcher):
    """A watcher that decides at its second look."""

    def __init__(self, sick=()):
        super().__init__(client=None, sleep=lambda _: None)
        self.sick = sick
        self.looks = Counter()
        self.decided: list[str] = []

    def poll(self):
        self.looks.update(list(self._pending))
        ready = [name for name in self._pending if self.looks[name] > 1]
        for name in ready:
            del self._pending[name]
        self.decided += ready
        return {name: NotReady(f"{name} is sick") if name in self.sick else None for name in ready}


def test_what_is_needed_comes_first():
    work = Recorder()
    results = schedule.run({"c": {"a", "b"}, "b": {"a"}, "a": set()}, work, workers=4)
    assert work.begun == ["a", "b", "c"]
    assert set(results.outcomes) == {"a", "b", "c"}


def test_no_more_than_the_bound_at_once():
    work = Recorder()
    schedule.run({str(number): set() for number in range(20)}, work, workers=3)
    assert len(work.begun) == 20
    assert work.most == 3


def test_a_failure_does_not_keep_others_from_coming_up():
    results = schedule.run({"a": set(), "b": {"a"}, "c": set()}, Recorder(failing="a"), workers=2)
    assert set(results.failures) == {"a"}
    assert set(results.outcomes) == {"b", "c"}


def test_health_is_awaited_before_what_needs_it(monkeypatch):
    monkeypatch.setattr(schedule, "INTERVAL", 0.001)
    work, watcher = Recorder(), Verdicts()
    schedule.run({"b": {"a"}, "a": set()}, work, 2, watcher, timeout=9)
    assert (work.begun, watcher.decided) == (["a", "b"], ["a", "b"])


def test_what_needs_something_broken_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(schedule, "INTERVAL", 0.001)
    watcher = Verdicts(sick="a")
    results = schedule.run({"a": set(), "b": {"a"}, "c": {"b"}, "d": set()}, Recorder(), 2, watcher, timeout=9)
    assert str(results.failures["a"]) == "a is sick"
    assert results.failures["a"].container_id == "id-a"
    assert results.unwatched == {"b": "a", "c": "b"}
    assert set(watcher.decided) == {"a", "d"}
