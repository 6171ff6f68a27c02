"""Progress of long jobs: a line when one starts and ends, and one every ten seconds in between."""

import threading
import time
from collections.abc import Callable

INTERVAL = 10.0  # seconds between two lines about one job


class Progress:
    """The progress of running jobs. Jobs report from their own threads; `tick` prints from the caller's.

    :param show: prints one line.
    """

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self._show, self._clock = show, clock
        self._lock = threading.Lock()
        self._jobs: dict[str, dict] = {}
        self._finished: list[str] = []

    def start(self, job: str, doing: str) -> None:
        """A job starts."""
        now = self._clock()
        with self._lock:
            self._jobs[job] = {"since": now, "shown": now, "doing": doing}
            self._finished.append(f"images: {job}  {doing}")

    def say(self, text: str) -> None:
        """Print one line immediately, from the thread that ticks."""
        self._show(f"images: {text}")

    def update(self, job: str, doing: str) -> None:
        """The job reports its current step."""
        with self._lock:
            self._jobs[job]["doing"] = doing

    def finish(self, job: str, outcome: str) -> None:
        """The job has ended."""
        with self._lock:
            entry = self._jobs.pop(job)
            self._finished.append(f"images: {job}  {outcome}  {self._clock() - entry['since']:.0f} s")

    def tick(self) -> None:
        """Print all lines that are due."""
        now = self._clock()
        with self._lock:
            lines, self._finished = self._finished, []
            for job, entry in self._jobs.items():
                if now - entry["shown"] >= INTERVAL:
                    entry["shown"] = now
                    lines.append(f"images: {job}  {entry['doing']}  {now - entry['since']:.0f} s")
        for line in lines:
            self._show(line)
