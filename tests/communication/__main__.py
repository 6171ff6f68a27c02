"""The program that scripts/test-service-communication.sh runs: arguments, selection of tests, output."""

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
Tests a running instance of the reference platform end to end, through its gateway: an order passes through all ten
services, a failed payment is compensated, and invalid tokens and other tenants are rejected. It prints every check with
its duration. For a failed check, it shows which component failed, the response, and which logs contain the request.

It creates customers and orders. The products that it creates are withdrawn at the end.
"""
EPILOGUE = """\
journeys:   {journeys}
accidents:  {accidents}
measurements instead of tests: `load`, a constant rate of reads and orders; `sagas`, one order after the other

The exit status is 0 if every check passed (for a measurement: no error and no lost order), 1 if one failed, and 2 if
the instance does not exist, or if another run uses the instance while accidents are requested.
"""


def arguments(given: list[str]) -> argparse.Namespace:
    """The parsed command line; `only` has the names of the journeys to run."""
    parser = Parser(
        prog="./scripts/test-service-communication.sh",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(journeys=", ".join(JOURNEYS), accidents=", ".join(ACCIDENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=("prove", "load", "sagas"), default="prove", help="default: prove")
    parser.add_argument("--instance", metavar="NAME", help="default: CLOUDLAB_INSTANCE, as for the playbooks")
    parser.add_argument(
        "--accidents", action="store_true", help="also run tests in which containers are killed and stopped"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[*JOURNEYS, *ACCIDENTS],
        metavar="NAME",
        help="run only this one; can be repeated",
    )
    measuring = parser.add_argument_group("measurements")
    measuring.add_argument("--seconds", type=float, default=60, help="duration of load in seconds (default: 60)")
    measuring.add_argument("--reads", type=float, default=50, metavar="RATE", help="reads per second (default: 50)")
    measuring.add_argument("--orders", type=float, default=5, metavar="RATE", help="orders per second (default: 5)")
    measuring.add_argument("--count", type=int, default=60, help="number of sagas (default: 60)")
    measuring.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file")
    options = parser.parse_args(given)
    options.only = options.only or [*JOURNEYS, *(ACCIDENTS if options.accidents else ())]
    return options


def connect(name: str) -> Proof:
    """The clients for a run on the instance `name`. Raises InstanceError and EngineError."""
    found = instance.read(name)
    gateway = Gateway(found.gateway)
    containers = Containers(name)
    shop = Shop(gateway, found.administrator)
    return Proof(found, containers, Report(gateway, containers), shop, OrderCalls(gateway))


def prove(proof: Proof, names: list[str]) -> bool:
    """Run the journeys, also after a failure in one of them. Return whether all checks passed."""
    start = time.monotonic()
    for name, journey in ({**JOURNEYS, **ACCIDENTS}).items():
        if name in names:
            proof.report.heading(f"{name}: {journey.__doc__.splitlines()[0]}")
            try:
                journey(proof)
            except Broken:
                continue
    _tidy(proof)
    print(f"\n{proof.report.summary()}, {time.monotonic() - start:.0f} s")
    return not proof.report.failed


def _tidy(proof: Proof) -> None:
    """Withdraw the products of this run."""
    proof.report.heading("clean-up")
    try:
        with proof.check("the products of this run are withdrawn", "product") as it:
            it.note = str(proof.shop.withdraw_everything())
    except Broken:
        return


def measure(proof: Proof, options: argparse.Namespace) -> bool:
    """Run a measurement, print and optionally write its results. Return whether there were no errors."""
    if options.what == "sagas":
        series = load.sagas(proof, options.count)
        print(f"sagas, sequential, until confirmed: {series}")
        document, good = {"sagas": series.document()}, not series.errors
    else:
        found = load.constant(proof, options.seconds, options.reads, options.orders)
        print(f"{options.reads:g} reads per second:  {load.together(found.reads.values())}")
        for kind, series in found.reads.items():
            print(f"    {kind:<10} {series}")
        print(f"{options.orders:g} orders per second: {found.orders}")
        print(f"lost orders: {found.lost}")
        document, good = found.document(), found.good
    proof.shop.withdraw_everything()
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return good


def main(given: list[str]) -> int:
    """Run what the command line requests. Return the exit status."""
    options = arguments(given)
    try:
        name = options.instance or instance.default_name(os.environ)
        proof = connect(name)
        if ACCIDENTS.keys() & set(options.only):
            # Another run would repair the accident while it happens.
            lock.acquire(instance.description_of(name).with_name("lock"), os.getpid())
    except (instance.InstanceError, settings.SettingsError, engine.EngineError, lock.LockedError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    print(f"instance {name}, gateway http://{proof.instance.gateway}, request IDs {proof.shop.gateway.run}-…")
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
