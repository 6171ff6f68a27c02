"""What can happen to a running platform, each under a small constant load of orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from communication.audit import audit
from communication.proof import PIECES, Proof
from communication.shop import SLOW_CARD
from communication.traffic import Traffic
from communication.waiting import until

# Orders whose payment takes long enough to kill somebody meanwhile.
SLOW_ORDERS = 6
# So many of them have to be caught in the act.
INTERRUPTED = 2
OUTAGE_SECONDS = 20
# Orders that have to go through before and after an accident, so that there is traffic on both sides of it.
AROUND = 4


def order_killed(proof: Proof) -> None:
    """SIGKILL for order while sagas wait for their payment."""
    _killed(proof, "order")


def payment_killed(proof: Proof) -> None:
    """SIGKILL for payment while it waits for its provider."""
    _killed(proof, "payment")


def _killed(proof: Proof, component: str) -> None:
    with _traffic(proof) as traffic:
        for _ in range(SLOW_ORDERS):
            traffic.add(SLOW_CARD)
        with proof.check(f"{component} is killed in the middle of sagas", "order", "inventory", "payment") as it:
            interrupted = until(lambda: _in_the_middle(proof, traffic), "orders wait for their payment")
            try:
                proof.containers.kill(component)
            finally:
                proof.containers.start(component)
            it.note = f"{interrupted} orders were reserved and not yet paid"
        _recovered(proof, traffic, component)
    audit(proof, traffic, PIECES)


def kafka_stopped(proof: Proof) -> None:
    """No Kafka for a while: orders go on, their events wait."""
    with _traffic(proof) as traffic:
        with proof.check(f"orders go on while Kafka is stopped for {OUTAGE_SECONDS} s", "order") as it:
            try:
                proof.containers.stop("kafka")
                it.note = f"{_confirmed_within(OUTAGE_SECONDS, proof, traffic)} confirmed meanwhile"
                assert proof.containers.states()["kafka"] == "exited", "somebody else has started Kafka"
            finally:
                proof.containers.start("kafka")
        _recovered(proof, traffic, "kafka")
    audit(proof, traffic, PIECES)


def postgres_restarted(proof: Proof) -> None:
    """PostgreSQL ends in order, with every connection, and starts again."""
    with _traffic(proof) as traffic:
        with proof.check("PostgreSQL is restarted", "postgres"):
            proof.containers.restart("postgres")
        _recovered(proof, traffic, "postgres")
    audit(proof, traffic, PIECES)


@contextmanager
def _traffic(proof: Proof) -> Iterator[Traffic]:
    """Orders that flow: some have been accepted."""
    with proof.check("a customer, and a product in stock", "auth", "product", "inventory"):
        customer, product = proof.shop.register(), proof.stocked_product()
    with Traffic(proof.shop, customer, product) as traffic:
        with proof.check(f"orders flow, {traffic.rate:g} a second", "order"):
            _flowing(traffic)
        yield traffic


def _recovered(proof: Proof, traffic: Traffic, component: str) -> None:
    with proof.check(f"{component} is healthy again", component):
        proof.containers.wait_until_healthy(component)
    with proof.check("orders flow again", "order"):
        _flowing(traffic)


def _flowing(traffic: Traffic) -> None:
    wanted = len(traffic.accepted) + AROUND
    until(lambda: len(traffic.accepted) >= wanted, f"{AROUND} more orders are accepted", 60)


def _confirmed_within(seconds: float, proof: Proof, traffic: Traffic) -> int:
    """How many orders are confirmed within these seconds. At least one has to be."""
    before = _count(proof, traffic, "confirmed")
    time.sleep(seconds)  # how long it lasts is what the accident is about
    confirmed = _count(proof, traffic, "confirmed") - before
    assert confirmed, "no order was confirmed"
    return confirmed


def _in_the_middle(proof: Proof, traffic: Traffic) -> int:
    """How many orders have their goods and not yet their payment; 0 as long as that is hardly any."""
    reserved = _count(proof, traffic, "reserved")
    return reserved if reserved >= INTERRUPTED else 0


def _count(proof: Proof, traffic: Traffic, state: str) -> int:
    return sum(order["state"] == state for order in proof.shop.everything("/api/v1/orders", traffic.customer))
