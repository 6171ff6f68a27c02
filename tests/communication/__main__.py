"""scripts/test-service-communication.sh: arguments, selection of tests, and output."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cloudlab import engine
from cloudlab.cli.arguments import Parser
from cloudlab.engine import lock
from cloudlab.model import settings
from communication import accidents, compensation, instance, load, purchase, refusals
from communication.calls import OrderCalls
from communication.containers import Containers
from communication.gateway import Gateway
from communication.proof import Proof
from communication.report import FAILURES, Broken, Report
from communication.shop import Shop

Journey = Callable[[Proof], None]

JOURNEYS: Mapping[str, Journey] = {
    "purchase": purchase.purchase,
    "declined": compensation.declined,
    "timeout": compensation.timeout,
    "sold-out": compensation.sold_out,
    "sent-back": compensation.sent_back,
    "tokens": refusals.bad_tokens,
    "tenants": refusals.tenants,
}
ACCIDENTS: Mapping[str, Journey] = {
    "order-killed": accidents.order_killed,
    "payment-killed": accidents.payment_killed,
    "kafka-stopped": accidents.kafka_stopped,
    "postgres-restarted": accidents.postgres_restarted,
}

DESCRIPTION = """\
Tests a running instance of the reference platform end to end through its gateway: an order passes all ten services, a
declined order is compensated, and bad tokens and other tenants are rejected. Prints each check with its duration. For a
failed check, it prints the hop that failed, the response, and the log lines of the request.

It creates customers and orders. The products that it creates are withdrawn at the end.
"""
EPILOGUE = """\
journeys:   {journeys}
accidents:  {accidents}
measurements instead of tests: `load`, a constant rate of reads and orders; `sagas`, one order at a time

The exit status is 0 if every check passed (for measurements: no error and no lost order), 1 if one failed, and 2 if the
instance does not exist, or if accidents are selected while another run converges it.
"""


def arguments(given: list[str]) -> argparse.Namespace:
    """The parsed command line; `only` has the names of the selected tests."""
    parser = Parser(
        prog="./scripts/test-service-communication.sh",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(journeys=", ".join(JOURNEYS), accidents=", ".join(ACCIDENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=("prove", "load", "sagas"), default="prove", help="default: prove")
    parser.add_argument("--instance", metavar="NAME", help="default: CLOUDLAB_INSTANCE, as for the playbooks")
    parser.add_argument(
        "--accidents", action="store_true", help="also run the tests in which containers are killed and stopped"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[*JOURNEYS, *ACCIDENTS],
        metavar="NAME",
        help="run only this; can be repeated",
    )
    measuring = parser.add_argument_group("measurements")
    measuring.add_argument("--seconds", type=float, default=60, help="duration of load (default: 60)")
    measuring.add_argument("--reads", type=float, default=50, metavar="RATE", help="reads per second (default: 50)")
    measuring.add_argument("--orders", type=float, default=5, metavar="RATE", help="orders per second (default: 5)")
    measuring.add_argument("--count", type=int, default=60, help="number of sagas (default: 60)")
    measuring.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    options = parser.parse_args(given)
    options.only = options.only or [*JOURNEYS, *(ACCIDENTS if options.accidents else ())]
    return options


def begin(name: str) -> Proof:
    """The context of a run on the instance `name`. Raises InstanceError and EngineError."""
    found = instance.read(name)
    gateway = Gateway(found.gateway)
    containers = Containers(name)
    shop = Shop(gateway, found.administrator)
    return Proof(found, containers, Report(gateway, containers), shop, OrderCalls(gateway))


def prove(proof: Proof, names: list[str]) -> bool:
    """Run the tests independently of each other; whether all checks passed."""
    begun = time.monotonic()
    for name, journey in ({**JOURNEYS, **ACCIDENTS}).items():
        if name in names:
            proof.report.heading(f"{name}: {journey.__doc__.splitlines()[0]}")
            try:
                journey(proof)
            except Broken:
                continue
    _tidy(proof)
    print(f"\n{proof.report.summary()}, {time.monotonic() - begun:.0f} s")
    return not proof.report.failed


def _tidy(proof: Proof) -> None:
    """Restore the catalogue."""
    proof.report.heading("cleanup")
    try:
        with proof.check("the products of this run are withdrawn", "product") as it:
            it.note = str(proof.shop.withdraw_everything())
    except Broken:
        return


def measure(proof: Proof, options: argparse.Namespace) -> bool:
    """Run a measurement, and print and optionally write its figures; whether it succeeded."""
    if options.what == "sagas":
        series = load.sagas(proof, options.count)
        print(f"sagas, one after the other, until confirmed: {series}")
        document, good = {"sagas": series.document()}, not series.errors
    else:
        found = load.constant(proof, options.seconds, options.reads, options.orders)
        print(f"{options.reads:g} reads a second:  {load.together(found.reads.values())}")
        for kind, series in found.reads.items():
            print(f"    {kind:<10} {series}")
        print(f"{options.orders:g} orders a second: {found.orders}")
        print(f"lost orders: {found.lost}")
        document, good = found.document(), found.good
    proof.shop.withdraw_everything()
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return good


def main(given: list[str]) -> int:
    """Run the program; the exit status."""
    options = arguments(given)
    try:
        name = options.instance or instance.default_name(os.environ)
        proof = begin(name)
        if ACCIDENTS.keys() & set(options.only):
            # A converge would interfere with the accidents.
            lock.acquire(instance.page_of(name).with_name("lock"), os.getpid())
    except (instance.InstanceError, settings.SettingsError, engine.EngineError, lock.LockedError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    print(f"instance {name}, gateway http://{proof.instance.gateway}, request ids {proof.shop.gateway.run}-…")
    try:
        good = prove(proof, options.only) if options.what == "prove" else measure(proof, options)
    except FAILURES as error:
        print(f"ERROR: {getattr(error, 'answer', None) or ''} {error}".replace("  ", " "), file=sys.stderr)
        return 1
    finally:
        proof.calls.close()
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
