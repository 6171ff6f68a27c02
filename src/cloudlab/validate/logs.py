"""Logs: no container has logged an unexpected error since its start."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient

from cloudlab.model.checks import OWN_REQUESTS, Check, verdict
from cloudlab.observe.logs import lines
from cloudlab.validate.containers import component_of, short, started

AREA = "logs"
LINES = 3000  # the last ones of each container
ERROR = lines.LEVELS[-1]
LONGEST_TEXT = 300
# The engine records the start of a container shortly after its process writes its first lines.
STARTING_SECONDS = 1


@dataclass(frozen=True)
class Expected:
    """Log lines of level error of a component that are not a failure."""

    component: str
    pattern: re.Pattern[str]


class PatternError(ValueError):
    """An entry of `expected_errors` is invalid."""


def expected(entries: Iterable[Mapping[str, str]]) -> list[Expected]:
    """The setting `expected_errors`: entries of {component, pattern, reason}. Raises PatternError."""
    found = []
    for entry in entries:
        if not all(entry.get(key) for key in ("component", "pattern", "reason")):
            raise PatternError(f"expected_errors: {dict(entry)} must have component, pattern and reason.")
        try:
            found.append(Expected(entry["component"], re.compile(entry["pattern"])))
        except re.error as error:
            raise PatternError(f"expected_errors: the pattern {entry['pattern']!r} is not valid: {error}.") from None
    return found


def read(client: APIClient, container: Mapping[str, Any], since: float) -> list[str]:
    """The last lines of a container since its start, or since `since` (epoch seconds) if that is later."""
    # A container that never started has the year 1 as its start; the SDK refuses negative times.
    moment = max(since, 0, started(container).timestamp() - STARTING_SECONDS)
    raw = client.logs(container["Id"], tail=LINES, since=moment, stdout=True, stderr=True)
    return raw.decode(errors="replace").splitlines()


def check(container: Mapping[str, Any], instance: str, found: list[str], known: Iterable[Expected]) -> Check:
    """The check of one container's lines."""
    component, name = component_of(container), container["Name"].lstrip("/")
    patterns = [each.pattern for each in known if each.component == component]
    parsed = ((text, lines.parse("", component, name, text)) for text in found)
    errors = [text for text, line in parsed if line.level == ERROR and not line.request_id.startswith(OWN_REQUESTS)]
    faults = [text for text in errors if not any(pattern.search(text) for pattern in patterns)]
    fault = f"{len(faults)} lines of level {ERROR}, the last: {faults[-1][:LONGEST_TEXT]}" if faults else ""
    text = f"{len(found)} lines, {f'{len(errors)} expected' if errors else 'none'} of level {ERROR}"
    cure = f"see ./scripts/logs.sh {component} --level {ERROR} --once; docker restart {name} discards earlier lines"
    return verdict(AREA, short(name, instance), fault, cure, text)
