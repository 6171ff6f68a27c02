"""Failures of components under a small constant load of orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from communication.audit import audit
from communication.proof import PIECES, Proof
from communication.shop import SLOW_CARD
from communication.traffic import Traffic
from communication.waiting import until

# Orders whose payment takes long enough to kill a process meanwhile.
SLOW_ORDERS = 6
# The minimum number of them that must be interrupted.
INTERRUPTED = 2
OUTAGE_SECONDS = 20
# Orders that must be accepted before and after an accident.
AROUND = 4


def order_killed(proof: Proof) -> None:
    """Kill order while sagas wait for their payment."""
    _killed(proof, "order")


def payment_killed(proof: Proof) -> None:
    """Kill payment while it waits for its provider."""
    _killed(proof, "payment")


def _killed(proof: Proof, component: str) -> None:
    with _traffic(proof) as traffic:
        for _ in range(SLOW_ORDERS):
            traffic.add(SLOW_CARD)
        with proof.check(f"{component} is killed during sagas", "order", "inventory", "payment") as it:
            interrupted = until(lambda: _in_the_middle(proof, traffic), "orders wait for their payment")
            try:
                proof.containers.kill(component)
            finally:
                proof.containers.start(component)
            it.note = f"{interrupted} orders were reserved but not paid"
        _recovered(proof, traffic, component)
    audit(proof, traffic, PIECES)


def kafka_stopped(proof: Proof) -> None:
    """Stop Kafka temporarily: orders are still processed, events are delivered later."""
    with _traffic(proof) as traffic:
        with proof.check(f"orders are processed while Kafka is stopped for {OUTAGE_SECONDS} s", "order") as it:
            try:
                proof.containers.stop("kafka")
                it.note = f"{_confirmed_within(OUTAGE_SECONDS, proof, traffic)} confirmed meanwhile"
                assert proof.containers.states()["kafka"] == "exited", "Kafka was started by another process"
            finally:
                proof.containers.start("kafka")
        _recovered(proof, traffic, "kafka")
    audit(proof, traffic, PIECES)


def postgres_restarted(proof: Proof) -> None:
    """Restart PostgreSQL, which closes all connections."""
    with _traffic(proof) as traffic:
        with proof.check("PostgreSQL is restarted", "postgres"):
            proof.containers.restart("postgres")
        _recovered(proof, traffic, "postgres")
    audit(proof, traffic, PIECES)


@contextmanager
def _traffic(proof: Proof) -> Iterator[Traffic]:
    """Traffic of which some orders have been accepted."""
    with proof.check("a customer, and a product in stock", "auth", "product", "inventory"):
        customer, product = proof.shop.register(), proof.stocked_product()
    with Traffic(proof.shop, customer, product) as traffic:
        with proof.check(f"orders are accepted, {traffic.rate:g} per second", "order"):
            _flowing(traffic)
        yield traffic


def _recovered(proof: Proof, traffic: Traffic, component: str) -> None:
    with proof.check(f"{component} is healthy again", component):
        proof.containers.wait_until_healthy(component)
    with proof.check("orders are accepted again", "order"):
        _flowing(traffic)


def _flowing(traffic: Traffic) -> None:
    target = len(traffic.accepted) + AROUND
    until(lambda: len(traffic.accepted) >= target, f"{AROUND} more orders are accepted", 60)


def _confirmed_within(seconds: float, proof: Proof, traffic: Traffic) -> int:
    """How many orders are confirmed within these seconds; at least one must be."""
    before = _count(proof, traffic, "confirmed")
    time.sleep(seconds)  # the duration of the outage
    confirmed = _count(proof, traffic, "confirmed") - before
    assert confirmed, "no order was confirmed"
    return confirmed


def _in_the_middle(proof: Proof, traffic: Traffic) -> int:
    """How many orders are reserved but not paid; 0 while there are too few."""
    reserved = _count(proof, traffic, "reserved")
    return reserved if reserved >= INTERRUPTED else 0


def _count(proof: Proof, traffic: Traffic, state: str) -> int:
    return sum(order["state"] == state for order in proof.shop.everything("/api/v1/orders", traffic.customer))
