"""Python's garbage collector during a run."""

import gc

# Objects created between two collections. Python's default is 700; a run creates some hundred thousand, and nearly all
# of them live until its end.
THRESHOLD = 100_000


def collect_rarely() -> None:
    """Collect rarely, and never again what exists now.

    Saves an eighth of the processor time of a run with nothing to do. Freezing also keeps the pages that a task's
    process shares with its parent from being copied.
    """
    gc.freeze()
    gc.set_threshold(THRESHOLD)
