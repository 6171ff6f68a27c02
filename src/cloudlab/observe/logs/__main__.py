"""scripts/logs.sh: see --help."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from cloudlab import engine
from cloudlab.cli.arguments import Parser
from cloudlab.model import catalogue, platform, settings
from cloudlab.model.problems import ProblemsError
from cloudlab.observe.logs import engine_logs, lines, store
from cloudlab.observe.logs.lines import Filter, Line

DAY = "24h"
USAGE = """\
scripts/logs.sh [COMPONENT...] [options]

Prints the logs of all components, or of the named ones. On a terminal, it follows new lines until Ctrl-C. With --once,
with --request-id, or in a pipe, it prints the existing lines and exits."""


def main(arguments: list[str]) -> int:
    """Run the command; the exit status is 2 for errors."""
    options = _options(arguments)
    try:
        _run(options)
    except (engine.EngineError, store.StoreError, ProblemsError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of the pipe has exited
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="scripts/logs.sh", usage=USAGE, add_help=True)
    parser.add_argument("components", nargs="*", metavar="COMPONENT", help="for example: postgres kafka gateway")
    following = parser.add_mutually_exclusive_group()
    following.add_argument("-f", "--follow", action="store_true", help="follow new lines, also in a pipe")
    following.add_argument("--once", action="store_true", help="print existing lines and exit")
    parser.add_argument(
        "--since", metavar="WHEN", help="90s, 10m, 2h, 1d, or a time (default: 5m; 24h with --request-id)"
    )
    parser.add_argument("--grep", metavar="REGEX", help="only lines whose text matches")
    parser.add_argument("--level", choices=lines.LEVELS, default="", help="minimum severity")
    parser.add_argument("--request-id", metavar="ID", default="", help="only lines of this request")
    parser.add_argument("--json", action="store_true", help="print a JSON object per line")
    parser.add_argument("--no-colour", "--no-color", dest="plain", action="store_true", help="print no colours")
    parser.add_argument(
        "--source",
        choices=("auto", "engine", "store"),
        default="auto",
        help="source of existing lines (default: auto, which is VictoriaLogs if it runs, else the engine)",
    )
    options = parser.parse_args(arguments)
    try:
        options.since = lines.moment(options.since or (DAY if options.request_id else "5m"), time.time())
        options.grep = re.compile(options.grep) if options.grep else None
    except (ValueError, re.error) as error:
        parser.error(str(error))
    return options


def _run(options: argparse.Namespace) -> None:
    instance = settings.load(os.environ).get("cloudlab_instance", catalogue.committed("instance")["cloudlab_instance"])
    _check(options.components)
    until = time.time()
    selection = Filter(options.level, options.request_id, options.grep)
    show = _formatter(options, instance)
    _print(_past(options, instance, selection, until), selection, show)
    if options.follow or (not (options.once or options.request_id) and sys.stdout.isatty()):
        _print(engine_logs.Follower(instance, options.components, until), selection, show)


def _check(components: list[str]) -> None:
    """Raise ProblemsError for unknown components, and for a platform that cannot be read."""
    known = platform.chosen(os.environ)
    if problems := catalogue.missing(components, known.components, known.excluded, "the arguments"):
        raise catalogue.CatalogueError(problems)


def _past(options: argparse.Namespace, instance: str, selection: Filter, until: float) -> Iterator[Line]:
    client = engine.connect().client
    base = store.address(engine_logs.containers(client, instance, [])) if options.source != "engine" else ""
    if options.source == "store" and not base:
        raise store.StoreError(f"VictoriaLogs is not running in the instance {instance}. Use --source engine.")
    if base:
        return store.history(base, options.components, selection, options.since, until)
    found = engine_logs.containers(client, instance, options.components)
    if not found and not options.follow:
        who = ", ".join(options.components) or "any component"
        raise store.StoreError(f"The instance {instance} has no container of {who}. Run playbooks/dev.yml.")
    return engine_logs.history(client, found, options.since, until)


def _formatter(options: argparse.Namespace, instance: str) -> Callable[[Line], str]:
    """The function that formats a line."""
    if options.json:
        return lines.show_json
    names = options.components or [
        item["Labels"][engine_logs.LABEL_COMPONENT]
        for item in engine_logs.containers(engine.connect().client, instance, [])
    ]
    width = max(map(len, names), default=8)
    colours = sys.stdout.isatty() and not options.plain and "NO_COLOR" not in os.environ
    return lambda line: lines.show_text(line, width, colours)


def _print(found: Iterable[Line], selection: Filter, show: Callable[[Line], str]) -> None:
    for line in found:
        if selection.matches(line):
            print(show(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
