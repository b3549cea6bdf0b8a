"""SNS reports through a real TLS host of our own: believed once verified, and never called else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from buckets import S3Bucket
from caller import Caller
from cryptography.hazmat.primitives.asymmetric import rsa
from reports import aws
from shelf import Shelf
from sns_signing import CONFIRM, TOPIC, Sns, sns_service

from connector.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let sources use any bucket, and hosts on this machine."""
    return settings.model_copy(update={"buckets": ["*"], "allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def sns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    with sns_service(tmp_path, monkeypatch) as service:
        yield service


@pytest.fixture
def shelf(as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket, sns: Sns) -> Shelf:
    return Shelf(as_alice, as_nobody, job, bucket, topics=[TOPIC])


def send(shelf: Shelf, as_nobody: Caller, message: Any) -> Any:
    """Send as SNS does: JSON that calls itself text."""
    kind = {"x-amz-sns-message-type": message.get("Type", "")}
    text = as_nobody.app.json.dumps(message)
    return as_nobody.post(shelf.hook, data=text, headers=kind, content_type="text/plain")


def test_a_subscription_is_confirmed_and_its_messages_are_taken(
    shelf: Shelf, as_nobody: Caller, sns: Sns
) -> None:
    shelf.put("in/a b.png")
    assert send(shelf, as_nobody, sns.confirmation()).status_code == 200
    assert sns.asked[-1] == "/" + CONFIRM.split("/", 3)[3]
    for version, status in (("2", 202), ("1", 200)):
        message = sns.notification(aws("in/a b.png", bucket=shelf.name), version)
        assert send(shelf, as_nobody, message).status_code == status
    assert len(sns.asked) == 2, "the certificate was fetched once, the subscription confirmed once"
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": shelf.name}
    assert send(shelf, as_nobody, sns.notification(test)).json["ignored"] == 1
    ended = sns.confirmation(Type="UnsubscribeConfirmation")
    assert send(shelf, as_nobody, ended).json["ignored"] == 1
    assert len(sns.asked) == 2, "nobody who unsubscribed is subscribed again"
    assert shelf.codes() == ["unsubscribed", "test_event", "subscribed"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SigningCertURL": "https://evil.example/a.pem"}, "forged_message"),
        ({"SigningCertURL": "http://169.254.169.254/a.pem"}, "forged_message"),
        ({"TopicArn": f"{TOPIC}-of-somebody-else"}, "unknown_topic"),
    ],
)
def test_no_request_is_made_for_a_message_from_elsewhere(
    shelf: Shelf, as_nobody: Caller, sns: Sns, changed: dict[str, str], code: str
) -> None:
    for message in (sns.confirmation(**changed), sns.notification(aws("a.png"), **changed)):
        response = send(shelf, as_nobody, message)
        assert (response.status_code, response.json["code"]) == (403, code)
    assert sns.connections == 0
    assert shelf.codes("refused") == [code] * 2


def test_a_forged_message_confirms_nothing_and_fetches_no_object(
    shelf: Shelf, as_nobody: Caller, sns: Sns, residue: Any
) -> None:
    shelf.put("a.png")
    before = residue()
    sns.key = rsa.generate_private_key(65537, 2048)
    inside = sns.confirmation(SubscribeURL="http://127.0.0.1:1/")
    for message in (
        sns.confirmation(),
        inside,
        sns.notification(aws("a.png", bucket=shelf.name)),
        sns.notification(aws("a.png", bucket=shelf.name)) | {"Signature": "AAAA"},
    ):
        response = send(shelf, as_nobody, message)
        assert (response.status_code, response.json["code"]) == (403, "forged_message")
    # The certificate lies on Amazon's own host; that is asked once, and nothing else.
    assert [path.endswith(".pem") for path in sns.asked] == [True]
    assert residue() == before


def test_a_signed_confirmation_that_leads_elsewhere_is_not_followed(
    shelf: Shelf, as_nobody: Caller, sns: Sns
) -> None:
    message = sns.confirmation(SubscribeURL="https://evil.example/?Action=ConfirmSubscription")
    assert send(shelf, as_nobody, message).status_code == 403
    assert [path.endswith(".pem") for path in sns.asked] == [True]


def test_without_a_signature_nothing_is_taken_where_topics_are_named(
    shelf: Shelf, as_nobody: Caller, sns: Sns
) -> None:
    shelf.put("a.png")
    assert shelf.tell("a.png").json["code"] == "wrong_source_key"
    raw = {"x-amz-sns-rawdelivery": "true"}
    response = shelf.report(aws("a.png", bucket=shelf.name), headers=raw)
    assert (response.status_code, response.json["code"]) == (400, "not_sns")
    assert "raw message delivery" in shelf.shown()["events"][0]["detail"]
    assert sns.connections == 0


def test_while_amazon_cannot_be_asked_the_message_is_sent_again(
    shelf: Shelf, as_nobody: Caller, sns: Sns, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put("a.png")
    message = sns.notification(aws("a.png", bucket=shelf.name))
    good, sns.pem = sns.pem, b"<html>a page of errors</html>"
    assert send(shelf, as_nobody, message).status_code == 403
    sns.pem = good
    with monkeypatch.context() as patched:
        patched.setattr("connector.inbound.sns_certificates.MOST_BYTES", 10)
        response = send(shelf, as_nobody, message)
        assert (response.status_code, response.json["code"]) == (503, "sns_unreachable")
        assert response.headers["Retry-After"]
    assert send(shelf, as_nobody, message).status_code == 202
