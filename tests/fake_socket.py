"""A server of Slack's socket mode: WebSocket (RFC 6455), envelopes, and what acknowledges them."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Sockets(socketserver.ThreadingTCPServer):
    """What clients said, and the connections that there are and were."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.url = f"ws://127.0.0.1:{self.server_address[1]}/link"
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.opened: queue.Queue[Connection] = queue.Queue()


class Connection(socketserver.StreamRequestHandler):
    server: Sockets

    def handle(self) -> None:
        headers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b": ")
            headers[name.lower()] = value
        accept = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + GUID).digest())
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.tell({"type": "hello", "num_connections": 1})
        self.server.opened.put(self)
        while (frame := self._frame()) is not None:
            kind, data = frame
            if kind == PING:
                self._send(PONG, data)
            elif kind == TEXT:
                self.server.said.put(json.loads(data))
            elif kind == CLOSE:
                return

    def tell(self, message: dict[str, Any]) -> None:
        self._send(TEXT, json.dumps(message).encode())

    def deliver(self, envelope_id: str, payload: dict[str, Any]) -> None:
        """Send an interaction as Slack does."""
        self.tell(
            {
                "type": "interactive",
                "envelope_id": envelope_id,
                "payload": payload,
                "accepts_response_payload": True,
            }
        )

    def drop(self) -> None:
        """Break the connection off without a word."""
        self.connection.shutdown(2)

    def _send(self, kind: int, data: bytes) -> None:
        head = bytes([0x80 | kind])
        if len(data) < 126:
            head += bytes([len(data)])
        elif len(data) < 1 << 16:
            head += bytes([126]) + struct.pack(">H", len(data))
        else:
            head += bytes([127]) + struct.pack(">Q", len(data))
        self.wfile.write(head + data)

    def _frame(self) -> tuple[int, bytes] | None:
        try:
            start = self.rfile.read(2)
            if len(start) < 2:
                return None
            length = start[1] & 0x7F
            if length == 126:
                [length] = struct.unpack(">H", self.rfile.read(2))
            elif length == 127:
                [length] = struct.unpack(">Q", self.rfile.read(8))
            assert start[1] & 0x80, "what clients send is masked"
            mask, data = self.rfile.read(4), self.rfile.read(length)
        except ConnectionError:
            return None
        return start[0] & 0x0F, bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


@contextmanager
def fake_sockets() -> Iterator[Sockets]:
    """Give a server that runs until the end of the block."""
    with Sockets() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
