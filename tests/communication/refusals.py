"""Who must not get in, and who must not see what."""

from __future__ import annotations

import uuid

from communication import tokens
from communication.gateway import Answer
from communication.instance import GATEWAY
from communication.proof import Proof
from communication.shop import Account, Order, Product, new_picture
from communication.waiting import until

ORDERS = "/api/v1/orders"
NIL = str(uuid.UUID(int=0))


def bad_tokens(proof: Proof) -> None:
    """Tokens that are wrong in one respect each, over REST and over gRPC."""
    with proof.check("a customer registers and logs in", "auth"):
        token = proof.shop.register().token
    with proof.check("the token is accepted", GATEWAY, "order"):
        _ask(proof, token, 200)
        code = proof.calls.code_of(NIL, token)
        assert code == "NOT_FOUND", f"gRPC ended with {code}"
    with proof.check("a token signed with the key of auth, read from its schema, is accepted", "postgres"):
        key = tokens.signing_key(proof.instance.database, token)
        _ask(proof, tokens.signed(token, key, jti=str(uuid.uuid4())), 200)
    for what, bad in (
        ("no token", ""),
        ("a malformed token", "not-a-token"),
        (f"a token that expired {tokens.EXPIRED_SECONDS} s ago", tokens.expired(token, key)),
        ("a token signed with an unknown key", tokens.signed(token, tokens.unknown_key())),
        ("a token with more permissions than were signed", tokens.promoted(token)),
        ("a token without signature", tokens.unsigned(token)),
    ):
        with proof.check(f"{what} is rejected", GATEWAY) as it:
            it.note = _ask(proof, bad, 401).problem.get("detail", "")
            code = proof.calls.code_of(NIL, bad)
            assert code == "UNAUTHENTICATED", f"gRPC ended with {code}"
    with proof.check("a token for another audience is rejected", GATEWAY) as it:
        other = tokens.signed(token, key, aud="invitation")
        it.note = proof.shop.gateway.call("GET", ORDERS, token=other, expect={401, 403}).problem.get("detail", "")
    with proof.check("a customer cannot create products", "product") as it:
        answer = proof.shop.gateway.call("POST", "/api/v1/products", token=token, json={}, expect={403})
        it.note = answer.problem.get("detail", "")


def _ask(proof: Proof, token: str, status: int) -> Answer:
    return proof.shop.gateway.call("GET", ORDERS, token=token, expect={status})


def tenants(proof: Proof) -> None:
    """A tenant can neither read nor change data of another one."""
    owner, other = _founders(proof)
    with proof.check("the first tenant has a product, a private picture and an order", "product", "content", "order"):
        product = proof.shop.create_product(owner)
        picture = proof.shop.upload(owner, new_picture(), visibility="private")
        order = _order_of(proof, owner)
    _own(proof, owner, picture, order)
    _hidden(proof, owner, other, picture, order)
    _untouchable(proof, other, product, order)


def _founders(proof: Proof) -> tuple[Account, Account]:
    with proof.check("two users create a tenant each", "auth"):
        one, two = (proof.shop.register(f"proof-{uuid.uuid4().hex[:10]}") for _ in range(2))
        assert one.tenant != two.tenant, one.tenant
    for each in (one, two):
        with proof.check("the owner has a profile", "auth", "kafka", "user", request_id=each.request_id):
            until(lambda each=each: proof.shop.has_profile(each, each), "the profile exists")
    return one, two


def _order_of(proof: Proof, customer: Account) -> Order:
    return proof.settled(customer, Order.of(proof.shop.place(customer, proof.stocked_product())))


def _own(proof: Proof, owner: Account, picture: dict, order: Order) -> None:
    """The owner can read everything that the other tenant must not see."""
    call = proof.shop.gateway.call
    with proof.check("the owner can read everything", "content", "order", "payment"):
        call("GET", f"/api/v1/media/{picture['id']}/content", token=owner.token)
        proof.shop.order(owner, order.id)
        assert proof.shop.payments(owner, order), "the owner does not see the payment"
        assert proof.calls.code_of(order.id, owner.token) == "OK", "the owner does not see the order by gRPC"


def _hidden(proof: Proof, owner: Account, other: Account, picture: dict, order: Order) -> None:
    check, shop, call = proof.check, proof.shop, proof.shop.gateway.call
    with check("the other tenant cannot read the profile", "user"):
        assert not shop.has_profile(owner, other), "the profile can be read"
        listed = {person["id"] for person in shop.everything("/api/v1/users", other)}
        assert listed == {other.id}, f"the list of users holds {listed}"
    with check("the other tenant cannot read the order", "order"):
        call("GET", f"{ORDERS}/{order.id}", token=other.token, expect={404})
        assert shop.everything(ORDERS, other) == [], "the list of orders holds it"
        code = proof.calls.code_of(order.id, other.token)
        assert code == "NOT_FOUND", f"gRPC ended with {code}"
    with check("the other tenant cannot read the payment", "payment"):
        assert not shop.payments(other, order), "the payment can be read"
    with check("the other tenant cannot read the messages", "notification"):
        owners = {message["user_id"] for message in shop.everything("/api/v1/notifications", other)}
        assert owners <= {other.id}, f"the inbox holds messages to {owners}"
    with check("the other tenant cannot read the private picture, nor can anonymous users", "content"):
        path = f"/api/v1/media/{picture['id']}"
        for address in (path, f"{path}/content"):
            call("GET", address, token=other.token, expect={404})
            call("GET", address, expect={401})


def _untouchable(proof: Proof, other: Account, product: Product, order: Order) -> None:
    check, call = proof.check, proof.shop.gateway.call
    with check("the other tenant cannot cancel the order", "order"):
        call("POST", f"{ORDERS}/{order.id}/cancel", token=other.token, expect={404})
    with check("the other tenant cannot withdraw the product", "product"):
        # Its existence is public, because the catalogue is.
        call("DELETE", f"/api/v1/products/{product.id}", token=other.token, expect={403})
    with check("the other tenant cannot change its stock", "inventory"):
        path = f"/api/v1/inventory/{product.sku}/adjustments"
        call("POST", path, token=other.token, json={"delta": 1}, expect={404})
