"""A load generator that takes little of the machine: one process, raw sockets, ready requests."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# A request in pieces, so that a large body which many share is never copied.
Request = Sequence[bytes | memoryview]


@dataclass
class Result:
    """What came back: seconds from first to last, latencies in seconds, answers by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return that percentile of the latencies, in milliseconds."""
        return 1000 * percentile(self.latencies, percent)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return that percentile of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class _Client:
    """One keep-alive connection that sends a request as soon as the one before is answered."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._received = b""
        self._sent_at = 0.0
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(self._address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: Request) -> None:
        self._received, self._sent_at = b"", time.perf_counter()
        waiting = [memoryview(piece) for piece in request]
        while waiting:
            sent = self.socket.sendmsg(waiting)
            while waiting and sent >= len(waiting[0]):
                sent -= len(waiting.pop(0))
            if waiting:
                waiting[0] = waiting[0][sent:]

    def receive(self, result: Result) -> bool:
        """Take in what has come; True when the answer is whole."""
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise ConnectionError("the server closed a connection that was to be kept")
        self._received += chunk
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return False
        result.latencies.append(time.perf_counter() - self._sent_at)
        result.statuses[int(head[9:12])] += 1
        return True


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def run(port: int, requests: Iterator[Request], clients: int) -> Result:
    """Send all `requests` over `clients` connections; return what came back."""
    selector, result = selectors.DefaultSelector(), Result()
    started, open_clients = time.perf_counter(), 0
    for _ in range(clients):
        request = next(requests, None)
        if request is None:
            break
        client = _Client(("127.0.0.1", port))
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(request)
        open_clients += 1
    while open_clients:
        for key, _ in selector.select(30):
            client = key.data
            if not client.receive(result):
                continue
            request = next(requests, None)
            if request is None:
                selector.unregister(client.socket)
                client.socket.close()
                open_clients -= 1
            else:
                client.send(request)
    result.seconds = time.perf_counter() - started
    return result
