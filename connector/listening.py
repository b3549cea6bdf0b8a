"""The web server's socket. The supervisor holds it, so that a web restart refuses no connection."""

from __future__ import annotations

import errno
import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connector.errors import ConfigurationError

BACKLOG = 2048
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening there is a choice


@dataclass(frozen=True)
class Listening:
    """A listening socket: its descriptor, and the address it can be reached at from here."""

    descriptor: int
    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the URL of the service as seen from this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def healthy(self) -> bool:
        """Whether /healthz answers 200 within a second."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1.0)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def listen(host: str, port: int) -> Iterator[Listening]:
    """Listen on `host` and `port` (0: any free one) for the length of the block.

    Raises ConfigurationError with what can be done when that is not possible.
    """
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"{port} is not a port; use a number up to 65535 with --port.")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        server = socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(_sentence(error, host, port)) from error
    with server:
        bound, number = server.getsockname()[:2]
        yield Listening(server.fileno(), ANY_ADDRESS.get(bound, bound), number)


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program; stop that one, or choose "
            "another port with --port (--port 0 takes any that is free)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on port {port}; choose one above 1023 with --port."
    return f"Cannot listen on {host} ({error.strerror}); name one of this machine's with --host."
