"""A real server on loopback that says exactly the bytes a test gives it, well-formed or not."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

Talk = Callable[["Exchange"], None]


class Exchange:
    """One connection, after its request was read (`request` is empty when nothing was asked)."""

    def __init__(self, sock: socket.socket, request: bytes, closing: threading.Event) -> None:
        self.sock = sock
        self.request = request
        self.closing = closing

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.sock.sendall(data)

    def drip(self, byte: bytes = b"x", every: float = 0.02) -> None:
        """Send a byte now and then until the client or the test has had enough."""
        while not self.closing.wait(every):
            self.sock.sendall(byte)


def answer(body: bytes = b"", *headers: str, status: str = "200 OK") -> Talk:
    """Answer with `body` and its true length."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return lambda exchange: exchange.send(head.encode() + b"\r\n\r\n" + body)


def redirect(location: str, status: str = "302 Found") -> Talk:
    """Answer with a redirect."""
    return answer(b"", f"Location: {location}", status=status)


class Loopback:
    """Listens on a free port of `host` until closed; every connection is given to `talk`."""

    def __init__(
        self,
        talk: Talk,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        read_request: bool = True,
        port: int = 0,
    ) -> None:
        self.talk = talk
        self.requests: list[bytes] = []
        self.connections = 0
        self._tls = tls
        self._read_request = read_request
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.host = f"[{host}]" if ":" in host else host
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self) -> str:
        """The server's own URL, with a slash at the end."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}/"

    def close(self) -> None:
        """Stop listening, end what is being said, and wait for both."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        # A client that hangs up, or refuses our certificate, is what many tests are about.
        with suppress(OSError), sock:
            sock.settimeout(10)
            if self._tls is None:
                self._converse(sock)
            else:
                with self._tls.wrap_socket(sock, server_side=True) as secure:
                    self._converse(secure)

    def _converse(self, sock: socket.socket) -> None:
        request = _read_request(sock) if self._read_request else b""
        self.requests.append(request)
        self.talk(Exchange(sock, request, self._closing))


def _read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += _receive(sock)
    return head + b"\r\n\r\n" + body


def _receive(sock: socket.socket) -> bytes:
    part = sock.recv(65_536)
    if not part:
        raise ConnectionResetError("the client hung up")
    return part
