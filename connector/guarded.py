"""urllib3 connections that connect only to allowed addresses and end at a deadline.

The check is in the connection itself: the name is resolved once, and the very addresses that
were checked are connected to, so a name server that changes its answer gains nothing.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
from functools import lru_cache
from typing import Any

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from connector.addresses import AddressPolicy, Endpoint, resolve


def seconds_left(deadline_at: float) -> float:
    """Return the seconds until `deadline_at` (time.monotonic); TimeoutError when it is past."""
    left = deadline_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


class DeadlineSocket(socket.socket):
    """A TCP socket whose reads and writes together end at `deadline_at`, not each on its own."""

    deadline_at = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive, for no longer than is left."""
        self.settimeout(seconds_left(self.deadline_at))
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send everything, for no longer than is left."""
        self.settimeout(seconds_left(self.deadline_at))
        super().sendall(*args, **kwargs)


class DeadlineSSLSocket(ssl.SSLSocket):
    """The same for TLS. The handshake is bounded as a whole by the timeout it starts with."""

    deadline_at = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive, for no longer than is left."""
        self._tighten()
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send a part (sendall calls this), for no longer than is left."""
        self._tighten()
        return super().send(*args, **kwargs)

    def _tighten(self) -> None:
        # Unset while the ssl module makes the socket.
        if self.deadline_at != math.inf:
            self.settimeout(seconds_left(self.deadline_at))


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the context that trusts the system's (SSL_CERT_FILE) and the bundled authorities."""
    context = ssl.create_default_context()
    # A slim container has no certificates of its own.
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = DeadlineSSLSocket
    return context


class GuardedHTTPConnection(HTTPConnection):
    """An HTTP connection to an address that `policy` allows, ending at `deadline_at`."""

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        policy: AddressPolicy,
        deadline_at: float,
        **options: Any,
    ) -> None:
        self.policy = policy
        self.deadline_at = deadline_at
        super().__init__(host, port, **options)

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        try:
            left = seconds_left(self.deadline_at)
            endpoints = resolve(host, self.port, self.policy, timeout=left)
            return _connect_to_any(endpoints, self.deadline_at)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "connecting took too long") from error
        except (socket.gaierror, ValueError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host, self, reason) from error
        except OSError as error:
            raise NewConnectionError(self, "no connection was made") from error


class GuardedHTTPSConnection(GuardedHTTPConnection, HTTPSConnection):
    """The same with TLS, which still verifies the host's name."""

    def connect(self) -> None:
        """Connect, shake hands, and put the rest under the deadline."""
        super().connect()
        if isinstance(self.sock, DeadlineSSLSocket):
            self.sock.deadline_at = self.deadline_at


class GuardedHTTPPool(HTTPConnectionPool):
    """A pool of guarded connections."""

    ConnectionCls = GuardedHTTPConnection


class GuardedHTTPSPool(HTTPSConnectionPool):
    """A pool of guarded TLS connections."""

    ConnectionCls = GuardedHTTPSConnection


def open_pool(
    scheme: str, host: str, port: int, *, policy: AddressPolicy, deadline_at: float
) -> HTTPConnectionPool:
    """Return a pool for one exchange with `host`; `deadline_at` is in time.monotonic's seconds."""
    guard: dict[str, Any] = {"policy": policy, "deadline_at": deadline_at}
    if scheme == "https":
        return GuardedHTTPSPool(host, port, ssl_context=tls_context(), **guard)
    return GuardedHTTPPool(host, port, **guard)


def _connect_to_any(endpoints: list[Endpoint], deadline_at: float) -> DeadlineSocket:
    failure: OSError = OSError("no address")
    for tried, endpoint in enumerate(endpoints):
        # A share of the time for each, so that a silent first address leaves some to the others.
        share = seconds_left(deadline_at) / (len(endpoints) - tried)
        try:
            return _connect(endpoint, share, deadline_at)
        except OSError as error:
            failure = error
    raise failure


def _connect(endpoint: Endpoint, timeout: float, deadline_at: float) -> DeadlineSocket:
    sock = DeadlineSocket(endpoint.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        sock.connect(endpoint.address)
        # A TLS handshake takes the timeout over from here.
        sock.settimeout(seconds_left(deadline_at))
    except OSError:
        sock.close()
        raise
    sock.deadline_at = deadline_at
    return sock
