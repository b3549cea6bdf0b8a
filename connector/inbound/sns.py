"""Messages of Amazon SNS: who they are from is checked before anything they say is believed.

Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages". What is
signed is the text of `signed_text`; version 1 by SHA-1, version 2 by SHA-256, with RSA (PKCS #1
v1.5) and the key of a certificate that Amazon serves.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from connector.errors import BadRequest, Forbidden

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
UNSUBSCRIBED = "UnsubscribeConfirmation"
# Anchored at both ends: neither sns.eu-west-1.amazonaws.com.evil.example nor evil-sns…
_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(?:\.cn)?")
_HASHES: dict[str, SHA1 | SHA256] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - theirs to choose
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED[UNSUBSCRIBED] = _SIGNED[CONFIRMATION]

# Gives the PEM of a certificate by its URL, which was checked before.
FetchCertificate = Callable[[str], bytes]


@dataclass(frozen=True)
class Message:
    """A message that Amazon signed, of a topic that is expected."""

    kind: str
    id: str
    topic: str
    text: str
    subscribe_url: str | None


def verify(
    value: Any,
    topics: Collection[str],
    fetch_certificate: FetchCertificate,
    *,
    moment: datetime | None = None,
) -> Message:
    """Return a message (parsed JSON) once its topic, its certificate and its signature are right.

    Only then is `subscribe_url` given, and it lies on Amazon's host. Nothing is fetched for a
    message of another topic or with a certificate from elsewhere. Raises BadRequest (code
    not_sns) for another form, and Forbidden (unknown_topic, forged_message).
    """
    fields = _fields(value)
    kind = fields["Type"]
    if fields["TopicArn"] not in topics:
        raise Forbidden(
            f"The topic {fields['TopicArn'][:200]} is not one that this source takes messages of; "
            "add it to the source's topics if it is yours.",
            code="unknown_topic",
        )
    if not _is_amazons(fields["SigningCertURL"], ".pem"):
        raise _forged("its certificate does not lie on a host of Amazon SNS")
    certificate = _certificate(fetch_certificate(fields["SigningCertURL"]), moment)
    _check_signature(fields, certificate)
    subscribe_url = fields.get("SubscribeURL") if kind == CONFIRMATION else None
    if subscribe_url is not None and not _is_amazons(subscribe_url):
        raise _forged("its confirmation address does not lie on a host of Amazon SNS")
    return Message(kind, fields["MessageId"], fields["TopicArn"], fields["Message"], subscribe_url)


def signed_text(fields: Mapping[str, str]) -> bytes:
    """Return what Amazon signs: names and values, each on a line of its own."""
    names = [name for name in _SIGNED[fields["Type"]] if name in fields]
    return "".join(f"{name}\n{fields[name]}\n" for name in names).encode()


def _fields(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _not_sns("it is no JSON object")
    told = {name: text for name, text in value.items() if isinstance(text, str)}
    if told.get("Type") not in _SIGNED:
        raise _not_sns("it has no Type that SNS sends")
    wanted = {*_SIGNED[told["Type"]], "Signature", "SignatureVersion", "SigningCertURL"}
    if missing := sorted(wanted - {"Subject"} - set(told)):
        raise _not_sns(f"{', '.join(missing)} is missing")
    return told


def _is_amazons(url: str, ending: str = "") -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and parts.username is None
        and port in (None, 443)
        and _HOST.fullmatch(parts.hostname or "") is not None
        and parts.path.endswith(ending)
    )


def _certificate(pem: bytes, moment: datetime | None) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise _forged("what its certificate's address gave is none") from error
    now = moment or datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _forged("its certificate is not valid at present")
    return certificate


def _check_signature(fields: Mapping[str, str], certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    hashed = _HASHES.get(fields["SignatureVersion"])
    if hashed is None or not isinstance(key, RSAPublicKey):
        raise _forged("it is signed in a way that SNS does not use")
    try:
        signature = base64.b64decode(fields["Signature"], validate=True)
        key.verify(signature, signed_text(fields), PKCS1v15(), hashed)
    except (binascii.Error, InvalidSignature) as error:
        raise _forged("its signature is wrong") from error


def _forged(reason: str) -> Forbidden:
    return Forbidden(
        f"This message is not from Amazon SNS: {reason}. Nothing was done about it.",
        code="forged_message",
    )


def _not_sns(reason: str) -> BadRequest:
    return BadRequest(
        f"This is no message of Amazon SNS: {reason}; subscribe this address to the topic as "
        "HTTPS, without raw message delivery.",
        code="not_sns",
    )
