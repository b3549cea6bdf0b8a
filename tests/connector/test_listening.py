"""The web server's socket."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from connector.errors import ConfigurationError
from connector.listening import listen


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


def test_any_free_port_is_found_and_told() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert listening.url == f"http://127.0.0.1:{listening.port}"
        with socket.create_connection(("127.0.0.1", listening.port), timeout=1):
            pass


def test_health_is_asked_over_http() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert not listening.healthy()  # it listens, but nobody answers
        server = HTTPServer(("127.0.0.1", 0), Health, bind_and_activate=False)
        server.socket.close()
        server.socket = socket.socket(fileno=socket.dup(listening.descriptor))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert listening.healthy()
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_all_addresses_are_reached_by_loopback() -> None:
    with listen("0.0.0.0", 0) as listening:
        assert listening.host == "127.0.0.1"


def test_a_taken_port_is_refused_with_a_way_on() -> None:
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(ConfigurationError, match=f"Port {first.port} .* is in use.*--port"),
        listen("127.0.0.1", first.port),
    ):
        pass


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [("127.0.0.1", 70_000, "70000 is not a port"), ("192.0.2.1", 0, "Cannot listen on 192.0.2.1")],
)
def test_what_cannot_be_is_refused(host: str, port: int, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words), listen(host, port):
        pass
