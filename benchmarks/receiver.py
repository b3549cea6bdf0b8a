"""Somebody who takes webhooks and keeps count."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Received:
    """What came: of each resource's id, the messages' ids, which a repeat has in common."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.of: dict[str, set[str]] = defaultdict(set)
        self.repeats = 0

    def add(self, resource: str, message: str) -> None:
        """Count one message."""
        with self._lock:
            self.repeats += message in self.of[resource]
            self.of[resource].add(message)


@contextmanager
def receiving(address: str, port: int) -> Iterator[Received]:
    """Take webhooks at http://address:port/ for the length of the block."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.add(str(body["data"]["id"]), self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing: there are thousands."""

    server = ThreadingHTTPServer((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
