"""A store that is not what it says: a proxy that drops or refuses conditions on their way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class ForgetfulStore:
    """Passes requests on to the server at `url`.

    `forgets` names a header that is lost, by method. `instead` may give a status with which a
    request is answered without passing it on. `before` is called before one is passed on, and
    `after` when it was: where that says so the answer is lost on its way.
    """

    def __init__(
        self,
        url: str,
        *,
        forgets: Mapping[str, str] | None = None,
        instead: Callable[[str, str, Mapping[str, str]], int | None] | None = None,
        before: Callable[[str, str], object] | None = None,
        after: Callable[[str, str], bool] | None = None,
    ) -> None:
        target, forgets = urlsplit(url).netloc, forgets or {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name != "Expect"}
                lost = forgets.get(self.command, "")
                low = {name.lower(): value for name, value in headers.items()}
                status = instead(self.command, self.path, low) if instead else None
                if status is not None:
                    self._answer(status, {}, b"<Error><Code>Refused</Code></Error>")
                    return
                if before is not None:
                    before(self.command, self.path)
                kept = {name: value for name, value in headers.items() if name.lower() != lost}
                connection = HTTPConnection(target, timeout=30)
                connection.request(self.command, self.path, body, kept)
                answer = connection.getresponse()
                data = answer.read()
                connection.close()
                if after is not None and after(self.command, self.path):
                    self.close_connection = True
                    return
                self._answer(answer.status, dict(answer.getheaders()), data)

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self._pass_on
                raise AttributeError(name)

            def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response(status)
                dropped = ("connection", "server", "date", "transfer-encoding")
                if self.command != "HEAD":
                    dropped += ("content-length",)
                    self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    if name.lower() not in dropped:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop, and wait for it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
