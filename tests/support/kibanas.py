"""A server in memory with Kibana's API for data views, because Kibana has no package form."""

import http.server
import json
import threading
from urllib.parse import unquote

PATH = "/api/data_views/data_view"


class Kibana(http.server.HTTPServer):
    """`level`: its status; `views`: its data views by ID; `puts`: the number of writes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.level, self.views, self.puts = "available", {}, 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Kibana

    def do_GET(self):
        key = unquote(self.path.removeprefix(f"{PATH}/"))
        if self.path == "/api/status":
            self._answer(200, {"status": {"overall": {"level": self.server.level}}})
        elif key in self.server.views:
            self._answer(200, {"data_view": {"version": "x", "namespaces": ["default"], **self.server.views[key]}})
        else:
            self._refuse(404, "Not Found", f"Saved object [index-pattern/{key}] not found")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        view = body["data_view"]
        if "kbn-xsrf" not in self.headers:
            self._refuse(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        elif view["id"] in self.server.views and not body["override"]:
            self._refuse(400, "Bad Request", f"Duplicate data view: {view['title']}")
        elif not view["title"].strip():
            self._refuse(400, "Bad Request", "title must not be empty")
        else:
            self.server.views[view["id"]] = view
            self.server.puts += 1
            self._answer(200, {"data_view": view})

    def _refuse(self, status, error, message):
        self._answer(status, {"statusCode": status, "error": error, "message": message})

    def _answer(self, status, document):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *_):
        """Do not log requests."""
