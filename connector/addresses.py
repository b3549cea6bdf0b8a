"""Which network addresses outsiders may make us call, and how names become addresses."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from connector.errors import ConfigurationError, ForbiddenAddress

IPAddress = IPv4Address | IPv6Address

# Global by the registries, yet not somebody's public server: protocol assignments (Oracle's
# metadata among them), the 6to4 relay, and the address of Azure's host agent.
_INSIDE_IPV4 = tuple(
    map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "240.0.0.0/4"))
)
# All of IPv6 in use is in here; what the registries carve out of it follows.
_UNICAST_IPV6 = IPv6Network("2000::/3")
# Protocol assignments with Teredo, documentation (two), and 6to4: both tunnels embed any IPv4.
_INSIDE_IPV6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16")))
# RFC 6052: an IPv6-only network reaches IPv4 through it, so the embedded address decides.
_NAT64 = IPv6Network("64:ff9b::/96")

REFUSAL = (
    "This address is not on the public internet, and colabel does not call such addresses for "
    "others; use a public URL, or have the administrator add it to COLABEL_ALLOW_PRIVATE_ADDRESSES."
)


def is_public(address: IPAddress) -> bool:
    """Say whether `address` is globally routable unicast (IANA special-purpose registries)."""
    if isinstance(address, IPv4Address):
        listed = any(address in network for network in _INSIDE_IPV4)
        return address.is_global and not address.is_multicast and not listed
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    listed = any(address in network for network in _INSIDE_IPV6)
    return address in _UNICAST_IPV6 and not listed


@dataclass(frozen=True)
class AddressPolicy:
    """Public addresses, and the exceptions that the administrator has named."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, exceptions: Sequence[str]) -> AddressPolicy:
        """Read exceptions: networks ("10.0.0.0/8"), addresses and host names, without ports.

        Raises ConfigurationError for an entry that is none of these.
        """
        networks, names = [], []
        for entry in exceptions:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError as error:
                if not entry or set(entry) & set("/:@[] *"):
                    raise ConfigurationError(
                        f"COLABEL_ALLOW_PRIVATE_ADDRESSES has a bad entry ({entry!r}): use a "
                        "network like 10.0.0.0/8, an address, or a host name without a port."
                    ) from error
                names.append(_canonical(entry))
        return cls(tuple(networks), frozenset(names))

    def allows(self, host: str, address: IPAddress) -> bool:
        """Say whether `address`, to which the name `host` leads, may be called."""
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        seen = plain or address
        if is_public(seen) or _canonical(host) in self.names:
            return True
        return any(seen in network for network in self.networks)


@dataclass(frozen=True)
class Endpoint:
    """One socket address to connect to."""

    family: int
    address: tuple[Any, ...]


def resolve(host: str, port: int, policy: AddressPolicy, *, timeout: float) -> list[Endpoint]:
    """Look `host` up once and return its endpoints, every one of them allowed.

    One forbidden address among public ones refuses the whole name: no honest name is like that.
    Raises ForbiddenAddress, TimeoutError after `timeout` seconds, OSError (socket.gaierror) or
    ValueError when there is no such name.
    """
    endpoints = []
    for family, _, _, _, address in _look_up(host, port, timeout):
        scopeless = str(address[0]).partition("%")[0]
        if not policy.allows(host, ip_address(scopeless)):
            raise ForbiddenAddress(REFUSAL)
        endpoints.append(Endpoint(family, address))
    if not endpoints:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return endpoints


def _canonical(host: str) -> str:
    return host.lower().rstrip(".")


def _look_up(host: str, port: int, timeout: float) -> list[tuple[Any, ...]]:
    # getaddrinfo knows no deadline, and who owns a name decides how slowly it is answered.
    # The thread is a daemon, because a stuck look-up must not keep the process alive.
    answers: queue.Queue[list[tuple[Any, ...]] | OSError | ValueError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout, 0.0))
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(answer, list):
        return answer
    raise answer
