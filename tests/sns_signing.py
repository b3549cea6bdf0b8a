"""Amazon SNS as we meet it: signed messages, and its host with a certificate of our authority."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from loopback import Exchange, Loopback

from connector.guarded import tls_context
from connector.inbound import sns

TOPIC = "arn:aws:sns:eu-central-1:111122223333:scans"
HOST = "sns.eu-central-1.amazonaws.com"
CERTIFICATE = f"https://{HOST}/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
CONFIRM = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"


class Authority:
    """Signs certificates, for TLS and for messages alike."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.certificate = self._signed(self.key, "an authority", authority=True)

    def pem(self, key: rsa.RSAPrivateKey, name: str) -> bytes:
        """Return the certificate of a key that may speak for `name`."""
        return self._signed(key, name).public_bytes(Encoding.PEM)

    def _signed(
        self, key: rsa.RSAPrivateKey, name: str, *, authority: bool = False
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("an authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            built = built.add_extension(names, critical=False)
        return built.sign(self.key, SHA256())


class Sns:
    """The topic's side: what it sends, and how often its host was called for what."""

    def __init__(self, authority: Authority, server: Loopback) -> None:
        self._authority, self._server = authority, server
        self.key = rsa.generate_private_key(65537, 2048)
        self.pem = authority.pem(self.key, "sns.amazonaws.com")

    @property
    def connections(self) -> int:
        """How often somebody connected."""
        return self._server.connections

    @property
    def asked(self) -> list[str]:
        """What was asked for, in order."""
        return [request.split(b" ")[1].decode() for request in self._server.requests if request]

    def notification(self, message: Any, version: str = "2", **changed: Any) -> dict[str, str]:
        """Return the message of a topic that wraps a store's report."""
        return self.signed(version, Message=json.dumps(message), **changed)

    def confirmation(self, **changed: Any) -> dict[str, str]:
        """Return the message that asks whether we want the topic's messages."""
        wanted = {"Type": "SubscriptionConfirmation", "Subject": None, "Token": "2336412f37"}
        return self.signed(**{**wanted, "SubscribeURL": CONFIRM, **changed})

    def signed(self, version: str = "2", **changed: Any) -> dict[str, str]:
        """Return a message; a field that is changed to None is left out."""
        fields = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Subject": "Amazon S3 Notification",
            "Message": "{}",
            "Timestamp": "2026-11-25T08:00:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
        } | changed
        told = {name: text for name, text in fields.items() if text is not None}
        hashed = SHA1() if version == "1" else SHA256()
        signature = self.key.sign(sns.signed_text(told), PKCS1v15(), hashed)
        return told | {"Signature": base64.b64encode(signature).decode()}


@contextmanager
def sns_service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    """Serve SNS's host on loopback, as a name that leads there and whose certificate is good."""
    authority = Authority()
    trusted, own = folder / "authority.pem", folder / "sns.pem"
    trusted.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own.write_bytes(private + authority.pem(key, HOST))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    found: list[Sns] = []

    def talk(exchange: Exchange) -> None:
        path = exchange.request.split(b" ")[1]
        body = found[0].pem if path.endswith(b".pem") else b"<ConfirmSubscriptionResponse/>"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        exchange.send(head.encode() + body)

    with closing(Loopback(talk, tls=tls)) as server:
        found.append(Sns(authority, server))
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            if host == HOST:
                return real("127.0.0.1", server.port, *args, **options)
            return real(host, port, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        tls_context.cache_clear()
        yield found[0]
        tls_context.cache_clear()
