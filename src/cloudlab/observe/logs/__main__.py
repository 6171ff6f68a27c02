"""scripts/logs.sh: see --help."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from cloudlab import engine
from cloudlab.cli.arguments import Parser
from cloudlab.model import catalogue, platform, settings
from cloudlab.observe.logs import engine_logs, lines, store
from cloudlab.observe.logs.lines import Line, Wanted

DAY = "24h"
USAGE = """\
scripts/logs.sh [COMPONENT...] [options]

Shows the logs of all components, or of those that are named. On a terminal it goes on with what is written from now on
(Ctrl-C ends it); with --once, --request-id or into a pipe it ends after what there is."""


def main(arguments: list[str]) -> int:
    """Run the command; the exit status is 2 for what cannot be done."""
    options = _options(arguments)
    try:
        _run(options)
    except (engine.EngineError, store.StoreError, settings.SettingsError, catalogue.CatalogueError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader had enough
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="scripts/logs.sh", usage=USAGE, add_help=True)
    parser.add_argument("components", nargs="*", metavar="COMPONENT", help="for example: order kafka gateway")
    going = parser.add_mutually_exclusive_group()
    going.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")
    going.add_argument("--once", action="store_true", help="end after what there is")
    parser.add_argument(
        "--since", metavar="WHEN", help="90s, 10m, 2h, 1d, or a time (default: 5m; 24h with --request-id)"
    )
    parser.add_argument("--grep", metavar="REGEX", help="only lines whose text this is found in")
    parser.add_argument("--level", choices=lines.LEVELS, default="", help="only lines at least as grave as this")
    parser.add_argument("--request-id", metavar="ID", default="", help="only lines of this request")
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    parser.add_argument("--no-colour", "--no-color", dest="plain", action="store_true", help="no colours on a terminal")
    parser.add_argument(
        "--source",
        choices=("auto", "engine", "store"),
        default="auto",
        help="where the past comes from: VictoriaLogs where it runs (auto), or one of the two",
    )
    options = parser.parse_args(arguments)
    try:
        options.since = lines.moment(options.since or (DAY if options.request_id else "5m"), engine_logs.now())
        options.grep = re.compile(options.grep) if options.grep else None
    except (ValueError, re.error) as error:
        parser.error(str(error))
    return options


def _run(options: argparse.Namespace) -> None:
    instance = settings.load(os.environ).get("cloudlab_instance", catalogue.committed("instance")["cloudlab_instance"])
    _check(options.components)
    until = engine_logs.now()
    wanted = Wanted(options.level, options.request_id, options.grep)
    show = _shower(options, instance)
    _print(_past(options, instance, wanted, until), wanted, show)
    if options.follow or (not (options.once or options.request_id) and sys.stdout.isatty()):
        _print(engine_logs.Follower(instance, options.components, until), wanted, show)


def _check(components: list[str]) -> None:
    """Raise CatalogueError for names that no component has."""
    try:
        known = platform.chosen(os.environ)
    except platform.PlatformError as error:
        raise catalogue.CatalogueError(error.problems) from None
    if problems := catalogue.unknown(components, known, "component"):
        raise catalogue.CatalogueError(problems)


def _past(options: argparse.Namespace, instance: str, wanted: Wanted, until: float) -> Iterator[Line]:
    client = engine.connect().client
    base = store.address(engine_logs.containers(client, instance, [])) if options.source != "engine" else ""
    if options.source == "store" and not base:
        raise store.StoreError(
            f"VictoriaLogs does not run in the instance {instance}. `--source engine` needs nothing."
        )
    if base:
        return store.history(base, options.components, wanted, options.since, until)
    found = engine_logs.containers(client, instance, options.components)
    if not found and not options.follow:
        who = ", ".join(options.components) or "any component"
        raise store.StoreError(f"The instance {instance} has no container of {who}. ansible-playbook playbooks/dev.yml")
    return engine_logs.history(client, found, options.since, until)


def _shower(options: argparse.Namespace, instance: str) -> Callable[[Line], str]:
    """How a line becomes text."""
    if options.json:
        return lines.show_json
    names = options.components or [
        item["Labels"][engine_logs.LABEL_COMPONENT]
        for item in engine_logs.containers(engine.connect().client, instance, [])
    ]
    width = max(map(len, names), default=8)
    colours = sys.stdout.isatty() and not options.plain and "NO_COLOR" not in os.environ
    return lambda line: lines.show_text(line, width, colours)


def _print(found: Iterable[Line], wanted: Wanted, show: Callable[[Line], str]) -> None:
    for line in found:
        if wanted.takes(line):
            print(show(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
