"""Messages signed as Amazon signs them, by an authority of our own; and forgeries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connector.errors import BadRequest, Forbidden
from connector.inbound import sns

TOPIC = "arn:aws:sns:eu-central-1:111122223333:scans"
HOST = "https://sns.eu-central-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)


def certificate(key: Any, issuer: Any, days: int = 30) -> bytes:
    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    built = (
        x509.CertificateBuilder()
        .subject_name(named("sns.amazonaws.com"))
        .issuer_name(named("an authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(issuer, SHA256())
    )
    return built.public_bytes(Encoding.PEM)


AUTHORITY, KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PEM = certificate(KEY, AUTHORITY)


def signed(version: str = "2", key: Any = KEY, **changed: Any) -> dict[str, str]:
    """A message as SNS sends it; a field that is changed to None is left out."""
    fields = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps({"Records": []}),
        "Timestamp": "2026-11-25T08:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe",
    } | changed
    told = {name: text for name, text in fields.items() if text is not None}
    hashed = SHA1() if version == "1" else SHA256()
    signature = key.sign(sns.signed_text(told), PKCS1v15(), hashed)
    return told | {"Signature": base64.b64encode(signature).decode()}


def confirmation(**changed: Any) -> dict[str, str]:
    return signed(
        Type="SubscriptionConfirmation",
        Token="2336412f37",
        Subject=None,
        SubscribeURL=f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        **changed,
    )


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def verify(asked: list[str]) -> Callable[[Any], sns.Message]:
    def fetch(url: str) -> bytes:
        asked.append(url)
        return PEM

    return lambda value: sns.verify(value, {TOPIC}, fetch, moment=NOW)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["Amazon S3 Notification", None, "with\nlines"])
def test_a_signed_message_is_taken(verify: Any, version: str, subject: str | None) -> None:
    message = verify(signed(version, Subject=subject))
    assert message.kind == sns.NOTIFICATION
    assert message.topic == TOPIC
    assert json.loads(message.text) == {"Records": []}
    assert message.subscribe_url is None


def test_the_text_that_is_signed_is_as_documented() -> None:
    fields = {"Type": "Notification", "Message": "m", "MessageId": "i", "Timestamp": "t"}
    fields |= {"TopicArn": "a", "Subject": "s", "Token": "never signed here"}
    expected = (
        "Message\nm\nMessageId\ni\nSubject\ns\nTimestamp\nt\nTopicArn\na\nType\nNotification\n"
    )
    assert sns.signed_text(fields) == expected.encode()


def test_a_subscription_gives_its_address_once_it_is_verified(verify: Any) -> None:
    assert verify(confirmation()).subscribe_url.startswith(f"{HOST}/?Action=ConfirmSubscription")
    with pytest.raises(Forbidden, match="confirmation address"):
        verify(elsewhere())


def elsewhere() -> dict[str, str]:
    return signed(
        Type="SubscriptionConfirmation",
        Token="2336412f37",
        Subject=None,
        SubscribeURL="https://evil.example/?Action=ConfirmSubscription",
    )


@pytest.mark.parametrize(
    "field", ["Message", "MessageId", "Subject", "Timestamp", "SignatureVersion"]
)
def test_a_changed_message_is_refused(verify: Any, field: str) -> None:
    told = signed()
    told[field] = "1" if field == "SignatureVersion" else told[field] + " "
    with pytest.raises(Forbidden, match="signature is wrong"):
        verify(told)


def test_the_key_of_somebody_else_is_refused(verify: Any) -> None:
    with pytest.raises(Forbidden, match="signature is wrong"):
        verify(signed(key=AUTHORITY))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://evil-sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
        "https://user@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-central-1.amazonaws.com:port/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.txt",
        "https://s3.eu-central-1.amazonaws.com/bucket/a.pem",
        "https://sns.amazonaws.com/a.pem",
        "https://[::1]/a.pem",
        "//sns.eu-central-1.amazonaws.com/a.pem",
        "",
    ],
)
def test_no_certificate_is_fetched_from_elsewhere(verify: Any, asked: list[str], url: str) -> None:
    with pytest.raises(Forbidden, match="does not lie on a host"):
        verify(signed(SigningCertURL=url))
    assert asked == []


@pytest.mark.parametrize(
    "host", ["sns.us-gov-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"]
)
def test_every_region_has_its_host(verify: Any, asked: list[str], host: str) -> None:
    verify(signed(SigningCertURL=f"https://{host}/a.pem"))
    assert asked == [f"https://{host}/a.pem"]


def test_nothing_is_fetched_for_another_topic(verify: Any, asked: list[str]) -> None:
    with pytest.raises(Forbidden) as refused:
        verify(signed(TopicArn=TOPIC + "-of-somebody-else"))
    assert refused.value.code == "unknown_topic"
    assert asked == []


def test_certificates_that_are_none_or_over_or_of_another_kind() -> None:
    over = certificate(KEY, AUTHORITY, days=0)
    elliptic = certificate(ec.generate_private_key(ec.SECP256R1()), AUTHORITY)
    late = NOW + timedelta(days=1)
    for pem, moment, reason in (
        (b"<html>not found</html>", NOW, "is none"),
        (over, late, "not valid at present"),
        (elliptic, NOW, "in a way that SNS does not use"),
    ):
        with pytest.raises(Forbidden, match=reason):
            sns.verify(signed(), {TOPIC}, lambda _url, pem=pem: pem, moment=moment)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        {"Type": "Greeting"},
        {"Type": "Notification"},
        {"Type": ["Notification"]},
    ],
)
def test_anything_else_is_no_message(verify: Any, value: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        verify(value)
    assert refused.value.code == "not_sns"


@pytest.mark.parametrize("name", ["Signature", "TopicArn", "MessageId", "SigningCertURL"])
def test_a_field_that_is_missing_is_named(verify: Any, name: str) -> None:
    told: dict[str, Any] = signed()
    told[name] = 7
    with pytest.raises(BadRequest, match=name):
        verify(told)


@pytest.mark.parametrize("signature", ["", "no base64!", base64.b64encode(b"short").decode()])
def test_a_signature_that_is_none(verify: Any, signature: str) -> None:
    with pytest.raises(Forbidden, match="signature is wrong"):
        verify(signed() | {"Signature": signature})
