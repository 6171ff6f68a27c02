"""A purchase: an order passes through all services."""

from __future__ import annotations

import uuid

from communication import mail, trail
from communication.gateway import trace_id
from communication.instance import GATEWAY
from communication.proof import PIECES, Proof
from communication.shop import PRICE, Account, Order, Product, misspelt, new_picture, new_word
from communication.waiting import DEADLINE_SECONDS, until

QUANTITY = 2
TOTAL = QUANTITY * PRICE


def purchase(proof: Proof) -> None:
    """Complete purchase, from the registration to the logs."""
    customer = _arrive(proof)
    product = _offer(proof)
    picture = _illustrate(proof, product)
    order = _buy(proof, customer, product)
    _hear_of_it(proof, customer, product, order)
    _ask_by_grpc(proof, customer, order)
    _follow(proof, customer, product, picture, order)


def _arrive(proof: Proof) -> Account:
    check, shop = proof.check, proof.shop
    with check("a customer registers and logs in", "auth"):
        customer = shop.register()
    with check("the account has a profile", "auth", "kafka", "user", request_id=customer.request_id):
        until(lambda: shop.has_profile(customer, customer), "the profile exists")
    return customer


def _offer(proof: Proof) -> Product:
    check, shop = proof.check, proof.shop
    word = new_word()
    with check("the administrator logs in", "auth"):
        administrator = proof.administrator
    with check("the administrator creates a product", "product"):
        product = shop.create_product(administrator, f"{word} Headphones")
    with check("the product is delivered to the warehouse", "inventory"):
        stock = shop.deliver(administrator, product, PIECES)
        assert stock["available"] == PIECES, stock
    text = f"{misspelt(word)} hedphones"
    way = ("product", "kafka", "search", "elasticsearch")
    with check(f"the search for {text!r} finds {product.name}", *way, request_id=product.request_id) as it:
        until(
            lambda: any(hit["id"] == product.id for hit in shop.search(text)["items"]),
            f"the product is among the hits of {text!r}",
        )
        facets = shop.search(product.name)["facets"]["categories"]
        assert any(facet["value"] == "audio" for facet in facets), f"no facet of its category: {facets}"
        it.note = "with its category as a facet"
    return product


def _illustrate(proof: Proof, product: Product) -> str:
    """Upload a picture; the request id of that."""
    check, call = proof.check, proof.shop.gateway.call
    with check("its picture is uploaded", "content"):
        sent = new_picture()
        media = proof.shop.upload(proof.administrator, sent, subject=f"product:{product.id}", filename="front.png")
    path = f"/api/v1/media/{media['id']}/content"
    with check("the picture is public and cacheable", "content") as it:
        answer = call("GET", path)
        assert answer.body == sent, f"{len(answer.body)} bytes instead of the uploaded ones"
        assert "immutable" in answer.headers["cache-control"], answer.headers["cache-control"]
        part = call("GET", path, headers={"range": "bytes=0-7"}, expect={206})
        assert part.body == sent[:8], part.body
        call("GET", path, headers={"if-none-match": answer.headers["etag"]}, expect={304})
        listed = call("GET", "/api/v1/media", params={"subject": f"product:{product.id}"}).json()["items"]
        assert [item["id"] for item in listed] == [media["id"]], listed
        it.note = "complete, by range, and 304 by ETag"
    return media["request_id"]


def _buy(proof: Proof, customer: Account, product: Product) -> Order:
    check, shop = proof.check, proof.shop
    key = uuid.uuid4().hex
    with check(f"the customer orders {QUANTITY} pieces", "order", "product"):
        answer = shop.place(customer, product, QUANTITY, key=key)
        assert answer.headers["x-request-id"] == answer.request_id, "the response has a different request ID"
        order = Order.of(answer)
        assert order.total == TOTAL, f"the total is {order.total} instead of {TOTAL}"
    way = ("order", "inventory", "payment")
    with check("the saga confirms the order", *way, request_id=order.request_id) as it:
        ended = proof.settled(customer, order)
        assert ended.state == "confirmed", f"{ended.way}: {ended.reason}"
        it.note = ended.way
    with check("the stock is reduced, and nothing remains reserved", "inventory", request_id=order.request_id):
        stock = shop.stock(customer, product)
        assert (stock["on_hand"], stock["reserved"]) == (PIECES - QUANTITY, 0), stock
    with check("the payment is recorded", "payment", request_id=order.request_id) as it:
        (payment,) = shop.payments(customer, order) or [{}]
        assert (payment.get("state"), payment.get("amount")) == ("approved", TOTAL), payment
        it.note = f"{payment['amount'] / 100:.2f} {payment['currency']} {payment['state']}"
    with check("a repeated request returns the same order", "order"):
        again = shop.place(customer, product, QUANTITY, key=key)
        assert again.json()["id"] == order.id, "a second order was created"
        assert again.headers.get("idempotent-replayed") == "true", "the response is not marked as a repetition"
        assert shop.stock(customer, product)["on_hand"] == PIECES - QUANTITY, "the stock was reduced again"
    return order


def _hear_of_it(proof: Proof, customer: Account, product: Product, order: Order) -> None:
    check, shop = proof.check, proof.shop
    way = ("order", "kafka", "notification", "user")
    with check("the customer is told, by mail and push", *way, request_id=order.request_id) as it:
        (message,) = until(lambda: shop.messages(customer, order, "order.confirmed"), "a message is in the inbox")
        sent = {delivery["channel"]: delivery["state"] for delivery in message["deliveries"]}
        assert sent == {"email": "sent", "push": "sent"}, sent
        it.note = message["title"]
    with check("the e-mail is in the mail catcher", "notification", "mailpit", request_id=order.request_id) as it:
        mails = mail.received(proof.instance.mail, customer.email, message["title"])
        texts = [item["Text"] for item in mails if order.id in item["Text"]]
        assert len(texts) == 1, f"{len(texts)} e-mails about the order to {customer.email}, instead of one"
        it.note = customer.email
    way = ("order", "kafka", "analytics", "clickhouse")
    with check("analytics counts the order", *way, request_id=order.request_id) as it:
        (row,) = until(lambda: _counted(proof, order), "the event order.confirmed is stored")
        assert row["request_id"] == order.request_id, f"it has the request ID {row['request_id']}"
        assert row["amount"] == TOTAL, f"it has the amount {row['amount']}"
        summary = shop.summary(proof.administrator)
        assert summary["orders_confirmed"] >= 1, summary
        assert summary["revenue"] >= TOTAL, summary
        it.note = f"{summary['orders_confirmed']} confirmed today"
    way = ("inventory", "kafka", "product")
    with check("the catalogue shows the remaining stock", *way, request_id=order.request_id):
        left = PIECES - QUANTITY
        until(lambda: shop.product(product)["variants"][0]["available"] == left, f"it shows {left} available")


def _counted(proof: Proof, order: Order) -> list[dict]:
    rows = proof.shop.recorded(proof.administrator, order.id)
    return [row for row in rows if row["type"] == "order.confirmed"]


def _ask_by_grpc(proof: Proof, customer: Account, order: Order) -> None:
    with proof.check("gRPC through the gateway returns the same order", "order"):
        message = proof.calls.get_order(order.id, customer.token)
        told = (message.id, message.state, message.total, message.user_id)
        assert told == (order.id, "confirmed", TOTAL, customer.id), told
    with proof.check("gRPC through the gateway requires a token", GATEWAY):
        code = proof.calls.code_of(order.id)
        assert code == "UNAUTHENTICATED", f"the call ended with {code}"


def _follow(proof: Proof, customer: Account, product: Product, picture: str, order: Order) -> None:
    """Check that every component has logged its requests."""
    for what, request_id, hops in (
        ("registration", customer.request_id, ("auth", "user", "notification", "analytics")),
        ("product", product.request_id, ("product", "inventory", "search", "analytics")),
        ("picture", picture, ("content", "analytics")),
        (
            "order",
            order.request_id,
            ("order", "product", "inventory", "payment", "notification", "user", "analytics"),
        ),
    ):
        hops = (GATEWAY, *hops)
        with proof.check(f"all components of the {what} log its request ID", *hops, request_id=request_id) as it:
            found = trail.gather(proof.containers, hops, request_id, proof.report.started, DEADLINE_SECONDS)
            absent = [hop for hop, lines in found.items() if not lines]
            assert not absent, f"no log line of {', '.join(absent)}. LOG_LEVEL must be info or lower"
            unexpected = {hop: ids for hop, ids in trail.traces(found).items() if ids != {trace_id(request_id)}}
            assert not unexpected, f"unexpected trace IDs instead of {trace_id(request_id)}: {unexpected}"
            it.note = f"{request_id}: {', '.join(f'{hop} {len(lines)}' for hop, lines in found.items())}; one trace"
