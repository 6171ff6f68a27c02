"""Applies many plans concurrently, in dependency order.

A container is worked on as soon as everything that it needs is done, so that a slow one delays only its dependents.
When one fails, its dependents are still started, so that one broken service does not take down the rest, but their
health is not waited for.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from cloudlab.containers.apply import Failure, Outcome
from cloudlab.engine.waiting import INTERVAL, Watcher

Work = Callable[[str], Outcome]


@dataclass
class Results:
    """The result for each container. unwatched: container that was not waited for -> the failed one that it needs."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    unwatched: dict[str, str] = field(default_factory=dict)


def run(
    needs: Mapping[str, set[str]], work: Work, workers: int, watcher: Watcher | None = None, timeout: float = 0
) -> Results:
    """Work on every container of `needs` (container -> those that come first), at most `workers` at a time.

    watcher: waits up to `timeout` seconds for the health of each one before its dependents are started.
    """
    return _Run(needs, work, workers, watcher, timeout).run()


@dataclass
class _Run:
    """One pass over a graph of containers."""

    needs: Mapping[str, set[str]]
    work: Work
    workers: int
    watcher: Watcher | None
    timeout: float
    running: dict[Future[Outcome], str] = field(default_factory=dict)
    results: Results = field(default_factory=Results)

    def __post_init__(self) -> None:
        self.waiting = {name: set(required) for name, required in self.needs.items()}

    def run(self) -> Results:
        pool = ThreadPoolExecutor(self.workers)
        try:
            self._submit(pool)
            while self.running or self._active_watcher():
                for future in self._finished():
                    self._finish(self.running.pop(future), future)
                if watcher := self._active_watcher():
                    self._poll(watcher)
                self._submit(pool)
        finally:
            pool.shutdown(cancel_futures=True)  # an interruption cancels what has not begun
        return self.results

    def _active_watcher(self) -> Watcher | None:
        """The watcher while it waits for a container."""
        return self.watcher if self.watcher and self.watcher.is_waiting else None

    def _finished(self) -> set[Future[Outcome]]:
        """Wait for work to end, at most until the next poll of health."""
        if self.running:
            return wait(self.running, INTERVAL if self._active_watcher() else None, FIRST_COMPLETED).done
        if watcher := self._active_watcher():
            watcher.pause()
        return set()

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        """Submit all containers whose needs are done."""
        for name in [name for name, required in self.waiting.items() if not required]:
            del self.waiting[name]
            self.running[pool.submit(self.work, name)] = name

    def _finish(self, name: str, future: Future[Outcome]) -> None:
        """Record the result of one, and wait for its health where requested."""
        try:
            outcome = future.result()
        except Failure as failure:
            self._settle(name, failure)
            return
        self.results.outcomes[name] = outcome
        failed = self.results.failures.keys() | self.results.unwatched.keys()
        broken = next(iter(sorted(failed & self.needs[name])), None)
        if self.watcher is None or outcome.healthy:
            self._settle(name)
        elif broken:
            self.results.unwatched[name] = broken
            self._settle(name)
        else:
            self.watcher.add(name, outcome.container_id, self.timeout)

    def _poll(self, watcher: Watcher) -> None:
        for name, verdict in watcher.poll().items():
            container_id = self.results.outcomes[name].container_id
            self._settle(name, Failure(str(verdict), container_id) if verdict else None)

    def _settle(self, name: str, failure: Failure | None = None) -> None:
        """One is done or has failed: its dependents need not wait for it any more."""
        if failure:
            self.results.failures[name] = failure
        for required in self.waiting.values():
            required.discard(name)
