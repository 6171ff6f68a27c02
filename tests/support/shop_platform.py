"""A shop platform in memory that keeps the rules which make a seed repeatable, behind a real HTTP port."""

import json
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADMIN = ("admin@shop.example", "administrator")

RECIPE = {
    "administrator": "auth",
    "sizes": {
        "small": {"tenants": 1, "users": 4, "products": 6, "orders": 9},
        "large": {"tenants": 2, "users": 9, "products": 20, "orders": 30},
    },
    "tenants": ["north", "south"],
    "people": {"first_names": ["Ada", "Zoë", "Émile"], "last_names": ["Müller", "Kim", "Rossi", "Okafor"]},
    "warehouses": {"main": "Main", "depot": "Depot"},
    "cards": {"tok_visa": 3, "tok_declined": 1},
    "options": {"colours": [["BLK", "Black", 100], ["RED", "Red", 110]]},
    "lines": ["Alba", "Nova", "Orbit"],
    "categories": {
        "home": {"name": "Home"},
        "lamps": {
            "name": "Lamps", "parent": "home", "code": "LAM", "options": "colours", "brands": ["Lux", "Dusk"],
            "things": {"Desk Lamp": [1000, 9000], "Floor Lamp": [2000, 20000]},
            "features": ["a shade", "a foot", "a cord"],
        },
        "mugs": {
            "name": "Mugs", "code": "MUG", "options": "colours", "brands": ["Clay", "Tin"],
            "things": {"Mug": [500, 900], "Cup": [400, 800]}, "features": ["a handle", "a glaze", "a lid"],
        },
    },
}  # fmt: skip


class Refusal(Exception):
    def __init__(self, status, detail="no", **headers):
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Platform:
    """The state. ``requests`` counts what came in; ``trouble`` may be a function that raises a Refusal."""

    def __init__(self):
        self.lock = threading.RLock()
        self.users = {ADMIN[0]: {"email": ADMIN[0], "password": ADMIN[1], "tenant": "platform"}}
        self.categories, self.warehouses = {"home": "Home"}, {"main": "Main"}
        self.products, self.stock, self.orders, self.keys = [], {}, [], {}
        self.sessions, self.requests = {}, Counter()
        self.trouble = lambda method, path: None

    @property
    def written(self):
        """Requests that may change more than a session."""
        return {
            what: count
            for what, count in self.requests.items()
            if not what.startswith("GET") and what.split("/")[-1] not in ("login", "logout")
        }

    def answer(self, method, path, query, token, headers, body):
        with self.lock:
            self.requests[f"{method} {path}"] += 1
            self.trouble(method, path)
            who = self.users.get(self.sessions.get(token))
            parts = path.removeprefix("/api/v1/").split("/")
            return getattr(self, f"{method.lower()}_{parts[0]}")(parts[1:], query, who, headers, body)

    def post_auth(self, rest, _query, who, _headers, body):
        if rest == ["login"]:
            user = self.users.get(body["email"])
            if not user or user["password"] != body["password"]:
                raise Refusal(401, "email or password is wrong")
            token = uuid.uuid4().hex
            self.sessions[token] = user["email"]
            return 200, {"access_token": token, "expires_in": 900}
        if rest == ["logout"]:
            self.sessions = {token: email for token, email in self.sessions.items() if email != who["email"]}
            return 204, None
        if rest == ["invitations"]:
            return 201, {"invitation": f"{who['tenant']}:{body['email']}"}
        tenant = body.get("tenant") or "default"
        if "tenant" in body and any(user["tenant"] == tenant for user in self.users.values()):
            raise Refusal(409, "the tenant exists")
        if "invitation" in body:
            tenant, _, invited = body["invitation"].partition(":")
            assert invited == body["email"]
        if body["email"] in self.users:
            raise Refusal(409, "there is an account already")
        self.users[body["email"]] = {"email": body["email"], "password": body["password"], "tenant": tenant}
        return 201, {}

    def get_users(self, _rest, query, _who, _headers, _body):
        return self.page(list(self.users.values()), query)

    def get_categories(self, *_):
        return 200, {"items": [{"slug": slug} for slug in self.categories]}

    def put_categories(self, rest, _query, _who, _headers, body):
        if body.get("parent", "home") not in self.categories:
            raise Refusal(422, "there is no such parent")
        self.categories[rest[0]] = body["name"]
        return 200, body

    def get_warehouses(self, *_):
        return 200, {"items": [{"code": code} for code in self.warehouses]}

    def put_warehouses(self, rest, _query, _who, _headers, body):
        self.warehouses[rest[0]] = body["name"]
        return 200, body

    def available(self, sku):
        return sum(pieces for (name, _), pieces in self.stock.items() if name == sku)

    def get_products(self, _rest, query, _who, _headers, _body):
        shown = [
            {"variants": [{"sku": each["sku"], "available": self.available(each["sku"])} for each in p["variants"]]}
            for p in self.products
            if p["active"]
        ]
        return self.page(shown, query)

    def post_products(self, _rest, _query, who, _headers, body):
        taken = {variant["sku"] for product in self.products for variant in product["variants"]}
        if taken & {variant["sku"] for variant in body["variants"]}:
            raise Refusal(409, "one of the SKUs belongs to another product")
        self.products.append(body | {"active": True, "tenant": who["tenant"]})
        return 201, {}

    def get_inventory(self, rest, *_):
        return 200, {"items": [{"warehouse": place} for sku, place in self.stock if sku == rest[0]]}

    def post_inventory(self, rest, _query, _who, _headers, body):
        assert body["warehouse"] in self.warehouses
        place = rest[0], body["warehouse"]
        self.stock[place] = self.stock.get(place, 0) + body["delta"]
        return 200, {}

    def get_orders(self, _rest, query, _who, _headers, _body):
        return self.page(self.orders, query)

    def post_orders(self, _rest, _query, who, headers, body):
        key = who["email"], headers["Idempotency-Key"]
        if key in self.keys:
            if self.keys[key][0] != body:
                raise Refusal(409, "the key was used for another request")
            return 200, self.keys[key][1], {"Idempotent-Replayed": "true"}
        lines = [{"sku": item["sku"], "quantity": item["quantity"]} for item in body["items"]]
        state = "cancelled" if body["card_token"] == "tok_declined" else "confirmed"
        order = {"email": who["email"], "lines": lines, "state": state}
        self.keys[key] = body, order
        self.orders.append(order)
        return 201, order

    def get_search(self, *_):
        return 200, {"total": len(self.products)}

    def get_analytics(self, *_):
        return 200, {"items": [{"name": "placed", "count": len(self.orders)}]}

    @staticmethod
    def page(items, query):
        begin, limit = int(query.get("cursor", ["0"])[0]), min(3, int(query["limit"][0]))  # short ones: there are many
        answer = {"items": items[begin : begin + limit]}
        if begin + limit < len(items):
            answer["next_cursor"] = str(begin + limit)
        return 200, answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: the second would wait for the client to acknowledge the first, 40 ms each time.
    disable_nagle_algorithm = True

    def handle_any(self):
        url = urlsplit(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        try:
            status, answer, *headers = self.server.platform.answer(
                self.command, url.path, parse_qs(url.query), token, self.headers, body
            )
            headers = headers[0] if headers else {}
        except Refusal as refusal:
            status, answer, headers = refusal.status, {"detail": refusal.detail, "request_id": "r-1"}, refusal.headers
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = handle_any

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
