"""TLS with real certificates made here."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from loopback import Exchange, Loopback, answer, redirect

from connector.errors import FetchFailed, ForbiddenAddress
from connector.fetch import get_bytes, post
from connector.guarded import tls_context
from connector.settings import Settings

LOOPBACK = Settings(allow_private_addresses=["127.0.0.1"])
SOON = 0.3

Serve = Callable[..., Loopback]


def make_certificate(path: Path, name: str, *, days: int) -> Path:
    """Write a key and a self-made certificate for `name`, valid until `days` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "good.pem", "good.test", days=30)


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    def add(certificate: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        tls_context.cache_clear()

    tls_context.cache_clear()
    yield add
    tls_context.cache_clear()


@pytest.fixture
def serve(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        return real("127.0.0.1" if host.rstrip(".").endswith(".test") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with ExitStack() as stack:

        def start(talk: Callable[[Exchange], None], **options: Any) -> Loopback:
            options = {"tls": server_side(certificate), **options}
            return stack.enter_context(closing(Loopback(talk, **options)))

        yield start


def get(url: str, deadline: float = 5.0) -> bytes:
    return get_bytes(url, settings=LOOPBACK, max_bytes=1_000_000, deadline=deadline).data


def test_a_trusted_certificate_for_the_name_is_accepted(
    serve: Serve, certificate: Path, trust: Callable[[Path], None]
) -> None:
    trust(certificate)
    server = serve(answer(b"x" * 300_000))
    assert get(f"https://good.test:{server.port}/") == b"x" * 300_000
    assert f"Host: good.test:{server.port}".encode() in server.requests[0]
    assert get(f"https://good.test.:{server.port}/") == b"x" * 300_000
    sent = b"y" * 3_000_000
    assert post(f"https://good.test:{server.port}/", sent, {}, settings=LOOPBACK).ok
    assert server.requests[-1].endswith(sent)


@pytest.mark.parametrize("host", ["other.test", "127.0.0.1", "sub.good.test"])
def test_a_certificate_for_another_name_is_refused(
    host: str, serve: Serve, certificate: Path, trust: Callable[[Path], None]
) -> None:
    trust(certificate)
    server = serve(answer(b"secret"))
    with pytest.raises(FetchFailed, match="certificate") as caught:
        get(f"https://{host}:{server.port}/")
    assert (caught.value.code, caught.value.permanent) == ("fetch_failed", False)
    assert server.requests == []


@pytest.mark.usefixtures("trust")
def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Serve) -> None:
    server = serve(answer(b"secret"))
    with pytest.raises(FetchFailed, match="certificate"):
        get(f"https://good.test:{server.port}/")
    assert server.requests == []


def test_an_expired_certificate_is_refused(
    serve: Serve, tmp_path: Path, trust: Callable[[Path], None]
) -> None:
    expired = make_certificate(tmp_path / "expired.pem", "good.test", days=-1)
    trust(expired)
    server = serve(answer(b"secret"), tls=server_side(expired))
    with pytest.raises(FetchFailed, match="certificate"):
        get(f"https://good.test:{server.port}/")
    assert server.requests == []


def test_tls_does_not_open_inside_addresses(
    serve: Serve, certificate: Path, trust: Callable[[Path], None]
) -> None:
    trust(certificate)
    server = serve(answer(b"secret"))
    with pytest.raises(ForbiddenAddress):
        get_bytes(f"https://good.test:{server.port}/", settings=Settings(), max_bytes=100)
    assert server.connections == 0


def test_a_redirect_from_https_to_http_is_refused(
    serve: Serve, certificate: Path, trust: Callable[[Path], None]
) -> None:
    trust(certificate)
    plain = serve(answer(b"plain"), tls=None)
    server = serve(redirect(plain.url))
    with pytest.raises(FetchFailed, match="https to http"):
        get(f"https://good.test:{server.port}/")
    assert plain.connections == 0


def drip_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    exchange.drip()


def drip_head(exchange: Exchange) -> None:
    exchange.drip(b"H")


def drip_handshake(exchange: Exchange) -> None:
    exchange.send(b"\x16\x03\x03\x40\x00")
    exchange.drip(b"\x00")


@pytest.mark.parametrize(
    ("talk", "options"),
    [
        (drip_body, {}),
        (drip_head, {}),
        (drip_handshake, {"tls": None, "read_request": False}),
    ],
)
def test_a_slow_tls_server_ends_at_the_deadline(
    talk: Callable[[Exchange], None],
    options: dict[str, Any],
    serve: Serve,
    certificate: Path,
    trust: Callable[[Path], None],
) -> None:
    trust(certificate)
    server = serve(talk, **options)
    began = time.monotonic()
    with pytest.raises(FetchFailed) as caught:
        get(f"https://good.test:{server.port}/", deadline=SOON)
    assert SOON * 0.9 <= time.monotonic() - began < SOON + 1
    assert caught.value.code == "fetch_timeout"
