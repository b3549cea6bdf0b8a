"""Connections of boto3 that connect only to allowed addresses.

A source names its store itself, so what it names must not be a way into our own network. As in
`connector.guarded`, the very addresses that were checked are connected to.
"""

from __future__ import annotations

import socket
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from connector.addresses import AddressPolicy, resolve


def guard(client: Any, policy: AddressPolicy, seconds: float) -> None:
    """Let a botocore client connect to addresses of `policy` only, within `seconds`.

    Raises AttributeError when botocore keeps its connections otherwise than the locked one does:
    rather no client than an unguarded one.
    """

    class Http(_Guarded, AWSHTTPConnection):  # type: ignore[misc]
        """A guarded connection."""

    class Https(_Guarded, AWSHTTPSConnection):  # type: ignore[misc]
        """A guarded connection with TLS."""

    class HttpPool(AWSHTTPConnectionPool):  # type: ignore[misc]
        """A pool of guarded connections."""

        ConnectionCls = Http

    class HttpsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
        """A pool of guarded connections with TLS."""

        ConnectionCls = Https

    for connection in (Http, Https):
        connection.policy, connection.seconds = policy, seconds
    manager = client._endpoint.http_session._manager
    if set(manager.pool_classes_by_scheme) != {"http", "https"}:
        raise AttributeError("botocore's pools are not where they were")
    manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}


class _Guarded:
    """Resolves the host's name once, and connects to what was checked."""

    policy: AddressPolicy
    seconds: float
    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        try:
            endpoints = resolve(host, self.port, self.policy, timeout=self.seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "looking the name up took too long") from error
        except (socket.gaierror, ValueError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host, self, reason) from error  # type: ignore[arg-type]
        failure: OSError = OSError("no address")
        for endpoint in endpoints:
            sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(self.seconds)
                sock.connect(endpoint.address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise NewConnectionError(self, "no connection was made") from failure  # type: ignore[arg-type]
