from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.addresses import AddressPolicy, is_public, resolve
from connector.errors import ConfigurationError, ForbiddenAddress

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 168.63.129.16
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::10.1.2.3
64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1:: 2001:db8::1 2001:2::1 2001:10::1 2001:20::1
2002:7f00:1:: 2002:808:808:: 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1
fe80::a9fe:a9fe fec0::1 ff02::1 ff0e::1
"""

OUTSIDE = """
8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.32.0.1 192.0.1.1 223.255.255.255 198.17.0.1
2606:4700::1111 2001:4860:4860::8888 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""


@pytest.mark.parametrize("text", INSIDE.split())
def test_addresses_inside_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(ForbiddenAddress):
        resolve(text, 80, AddressPolicy(), timeout=5)


@pytest.mark.parametrize("text", OUTSIDE.split())
def test_addresses_outside_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_coat(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    translated = IPv6Address(f"64:ff9b::{address}")
    assert is_public(mapped) == is_public(translated) == is_public(address)


@given(st.ip_addresses(v=6))
def test_what_is_private_to_python_is_not_public(address: IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_link_local:
        assert not is_public(address)


@pytest.mark.parametrize(
    ("exceptions", "host", "address", "allowed"),
    [
        (["10.0.0.0/8"], "minio", "10.1.2.3", True),
        (["10.0.0.0/8"], "minio", "11.1.2.3", True),
        (["10.0.0.0/8"], "minio", "127.0.0.1", False),
        (["10.1.2.3/8"], "minio", "10.200.0.1", True),
        (["127.0.0.1"], "localhost", "127.0.0.1", True),
        (["127.0.0.1"], "localhost", "::ffff:127.0.0.1", True),
        (["127.0.0.1"], "localhost", "0.0.0.0", False),
        (["127.0.0.1"], "localhost", "::1", False),
        (["::1"], "localhost", "::1", True),
        (["[::1]"], "localhost", "::1", True),
        (["MinIO.internal"], "minio.INTERNAL.", "10.1.2.3", True),
        (["minio.internal"], "other.internal", "10.1.2.3", False),
        (["minio.internal"], "evil-minio.internal", "10.1.2.3", False),
    ],
)
def test_exceptions_open_what_they_name_and_nothing_else(
    exceptions: list[str], host: str, address: str, allowed: bool
) -> None:
    assert AddressPolicy.parse(exceptions).allows(host, ip_address(address)) is allowed


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "minio:9000", "http://minio", "*", "a b"])
def test_a_bad_exception_is_named(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="COLABEL_ALLOW_PRIVATE_ADDRESSES"):
        AddressPolicy.parse([entry])


def test_one_forbidden_address_refuses_the_whole_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(ForbiddenAddress):
        resolve("mixed.example", 80, AddressPolicy(), timeout=5)


def test_a_scope_does_not_hide_a_link_local_address(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 80, 0, 2))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(ForbiddenAddress):
        resolve("scoped.example", 80, AddressPolicy(), timeout=5)


def test_a_name_without_an_address_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(socket.gaierror):
        resolve("empty.example", 80, AddressPolicy(), timeout=5)


@pytest.fixture
def stuck_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    over = threading.Event()

    def wait(*_: object, **__: object) -> list[object]:
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield
    over.set()


@pytest.mark.usefixtures("stuck_name_server")
def test_a_look_up_ends_at_its_timeout() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve("slow.example", 80, AddressPolicy(), timeout=0.1)
    assert time.monotonic() - began < 5
