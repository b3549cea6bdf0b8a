"""Queues: a message is deleted after the commit, kept in hand while it waits, or left alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from buckets import CREDENTIALS, S3Bucket
from reading import Reading, allowing
from reports import aws, eventbridge

from connector.db.tables import Classifier
from connector.ids import new_token
from workers import clock, queues
from workers.queues import Queue
from workers.receive import Receiver
from workers.runtime import Runtime

TOPIC = "arn:aws:sns:us-east-1:123456789012:scans"


class Sqs:
    """A queue with a queue for dead letters, and a source that receives from it."""

    def __init__(self, rt: Runtime, colours: Classifier, bucket: S3Bucket, **wanted: Any) -> None:
        self.client: Any = boto3.session.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        ).client("sqs", endpoint_url=bucket.server.url, region_name="us-east-1")
        self.dead = self._make({})
        policy = {"deadLetterTargetArn": self._arn(self.dead), "maxReceiveCount": "2"}
        self.url = self._make({"RedrivePolicy": json.dumps(policy)})
        self.reading = Reading(rt, colours, bucket, queue_url=self.url, **wanted)
        self.queue = Queue(self.reading.receiver, self.reading.id)

    def _make(self, attributes: dict[str, str]) -> str:
        name = f"q-{new_token(12)}"
        made = self.client.create_queue(QueueName=name, Attributes=attributes)
        return str(made["QueueUrl"])

    def _arn(self, url: str) -> str:
        told = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(told["Attributes"]["QueueArn"])

    def send(self, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.client.send_message(QueueUrl=self.url, MessageBody=text)

    def tell(self, key: str) -> None:
        self.send(aws(key, bucket=self.reading.name))

    def step(self) -> int:
        return self.queue.step(self.reading.source(), wait_seconds=0)

    def left(self, url: str | None = None) -> tuple[int, int]:
        """Return how many messages can be received, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        seen, hidden = (int(told["Attributes"][name]) for name in names)
        return seen, hidden


@pytest.fixture
def rt(rt: Runtime) -> Iterator[Runtime]:
    """Let sources use any bucket and queue of this machine; threads end with the test."""
    rt.settings = allowing(rt.settings)
    yield rt
    rt.stopping.set()


@pytest.fixture
def sqs(rt: Runtime, colours: Classifier, bucket: S3Bucket) -> Sqs:
    return Sqs(rt, colours, bucket)


def wrapped(value: Any, topic: str = TOPIC) -> dict[str, str]:
    """Return a message as SNS puts it into a queue."""
    return {"Type": "Notification", "TopicArn": topic, "Message": json.dumps(value)}


def test_messages_of_every_form_are_taken_once_and_deleted(sqs: Sqs) -> None:
    sqs.reading.put("in/Ü 1+1.png")
    told = [make("in/Ü 1+1.png", bucket=sqs.reading.name) for make in (aws, eventbridge)]
    for body in (*told, *map(wrapped, told)):
        sqs.send(body)
    while sqs.step():
        pass
    assert [row.name for row in sqs.reading.rows()] == ["Ü 1+1.png"]
    assert sqs.left() == (0, 0)


def test_what_is_nothing_to_take_is_deleted_and_noted(sqs: Sqs) -> None:
    sqs.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": sqs.reading.name})
    sqs.tell("gone.png")
    while sqs.step():
        pass
    assert sorted(sqs.reading.events("ignored")) == ["object_gone", "test_event"]
    assert sqs.left() == (0, 0)


def test_poison_is_noted_and_left_to_the_queues_own_policy(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "POISON_SECONDS", 0)
    sqs.reading.put("a.png")
    sqs.send("{no json")
    sqs.tell("a.png")
    sqs.send({"hello": "world"})
    for _ in range(8):
        sqs.step()
    assert len(sqs.reading.rows()) == 1
    assert sqs.left() == (0, 0)
    assert sqs.left(sqs.dead) == (2, 0)
    assert set(sqs.reading.events("refused")) == {"invalid_json", "not_s3_event"}


def test_a_topic_of_somebody_else_is_poison(
    rt: Runtime, colours: Classifier, bucket: S3Bucket
) -> None:
    sqs = Sqs(rt, colours, bucket, topics=[TOPIC])
    sqs.send(wrapped(aws("a.png", bucket=sqs.reading.name), TOPIC + "x"))
    assert sqs.step() == 1
    assert sqs.reading.events("refused") == ["unknown_topic"]
    assert sqs.left() == (0, 1)


def test_while_a_quota_is_full_the_message_is_kept_in_hand(
    sqs: Sqs, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    monkeypatch.setattr(queues, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(queues, "HIDDEN_SECONDS", 3)
    rt.settings = allowing(rt.settings, max_waiting=1)
    sqs.reading.receiver = Receiver(rt)
    sqs.queue = Queue(sqs.reading.receiver, sqs.reading.id)
    for key in ("a.png", "b.png"):
        sqs.reading.put(key)
        sqs.tell(key)
    noted = sqs.queue._note

    def note(error: Any) -> None:
        noted(error)
        full.set()

    monkeypatch.setattr(sqs.queue, "_note", note)
    worker = threading.Thread(target=lambda: [sqs.step(), sqs.step()], daemon=True)
    worker.start()
    assert full.wait(60)
    assert sqs.reading.events("refused") == ["too_many_waiting"]
    assert len(sqs.reading.rows()) == 1
    from workers import classify

    classify.step(rt)
    worker.join(60)
    assert not worker.is_alive()
    assert len(sqs.reading.rows()) == 2
    assert sqs.left() == (0, 0)
    assert sqs.left(sqs.dead) == (0, 0)


def test_a_process_that_ends_before_the_deletion_is_told_again(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "HIDDEN_SECONDS", 0)
    sqs.reading.put("a.png")
    sqs.tell("a.png")

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    place = queues.s3_settings.of(sqs.reading.source().settings)
    with sqs.reading.receiver.stores.queue(place) as client, monkeypatch.context() as patched:
        patched.setattr(client, "delete_message", die)
        with pytest.raises(Killed):
            sqs.step()
    assert len(sqs.reading.rows()) == 1
    assert sqs.step() == 1
    assert sqs.left() == (0, 0)
    assert len(sqs.reading.rows()) == 1


def test_messages_are_kept_hidden_while_they_are_worked_on(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "HIDDEN_SECONDS", 2)
    renewed = threading.Event()
    sqs.reading.put("a.png")
    sqs.tell("a.png")
    take = sqs.reading.receiver.arrivals.take_all

    def slowly(*arguments: Any) -> Any:
        assert renewed.wait(60)
        assert sqs.left() == (0, 1)
        return take(*arguments)

    monkeypatch.setattr(sqs.reading.receiver.arrivals, "take_all", slowly)
    place = queues.s3_settings.of(sqs.reading.source().settings)
    with sqs.reading.receiver.stores.queue(place) as client:
        change = client.change_message_visibility_batch

        def told(**options: Any) -> Any:
            answer = change(**options)
            renewed.set()
            return answer

        monkeypatch.setattr(client, "change_message_visibility_batch", told)
    assert sqs.step() == 1
    assert sqs.left() == (0, 0)


def test_the_clock_receives_by_itself(
    sqs: Sqs, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Short, so that the thread has ended before the test has.
    monkeypatch.setattr(queues, "POLL_SECONDS", 0)
    rt.settings = rt.settings.model_copy(update={"clock_seconds": 0.05})
    sqs.reading.put("a.png")
    sqs.tell("a.png")
    thread = threading.Thread(target=clock.serve, args=(rt,), daemon=True)
    thread.start()
    waiting = threading.Event()
    for _ in range(1200):
        if sqs.left() == (0, 0) and sqs.reading.rows():
            break
        waiting.wait(0.05)
    rt.stopping.set()
    thread.join(30)
    assert len(sqs.reading.rows()) == 1
    assert sqs.left() == (0, 0)
