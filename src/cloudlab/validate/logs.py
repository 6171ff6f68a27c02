"""Logs: no container has written a line of level error since it was started, but for those that are no fault."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient

from cloudlab.model.checks import OWN_REQUESTS, Check, verdict
from cloudlab.observe.logs import lines
from cloudlab.validate.containers import component_of, short, started

AREA = "logs"
LINES = 3000  # of each container, the last ones
ERROR = lines.LEVELS[-1]
LONGEST_TEXT = 300
# The engine notes that a container was started a moment after its process has begun to write.
STARTING_SECONDS = 1


@dataclass(frozen=True)
class Expected:
    """Lines of a component that say error and are no fault."""

    component: str
    pattern: re.Pattern[str]


class PatternError(ValueError):
    """An entry of `expected_errors` cannot be used."""


def expected(entries: Iterable[Mapping[str, str]]) -> list[Expected]:
    """`expected_errors` of the settings, each {component, pattern, reason}. Raises PatternError."""
    found = []
    for entry in entries:
        if not all(entry.get(key) for key in ("component", "pattern", "reason")):
            raise PatternError(f"expected_errors: component, pattern and reason are wanted, not {dict(entry)}.")
        try:
            found.append(Expected(entry["component"], re.compile(entry["pattern"])))
        except re.error as error:
            raise PatternError(f"expected_errors: the pattern {entry['pattern']!r} is wrong: {error}.") from None
    return found


def read(client: APIClient, container: Mapping[str, Any], since: float) -> list[str]:
    """The last lines of a container since it was started, or since a second after that."""
    moment = max(since, started(container).timestamp() - STARTING_SECONDS)
    raw = client.logs(container["Id"], tail=LINES, since=moment, stdout=True, stderr=True)
    return raw.decode(errors="replace").splitlines()


def check(container: Mapping[str, Any], instance: str, found: list[str], known: Iterable[Expected]) -> Check:
    """The outcome for the lines of one container."""
    component, name = component_of(container), container["Name"].lstrip("/")
    patterns = [each.pattern for each in known if each.component == component]
    parsed = ((text, lines.parse("", component, name, text)) for text in found)
    errors = [text for text, line in parsed if line.level == ERROR and not line.request_id.startswith(OWN_REQUESTS)]
    faults = [text for text in errors if not any(pattern.search(text) for pattern in patterns)]
    fault = f"{len(faults)} of level {ERROR}, the last: {faults[-1][:LONGEST_TEXT]}" if faults else ""
    text = f"{len(found)} lines, {f'{len(errors)} expected ones' if errors else 'none'} of level {ERROR}"
    cure = f"./scripts/logs.sh {component} --level {ERROR} --once shows them; docker restart {name} begins anew"
    return verdict(AREA, short(name, instance), fault, cure, text)
