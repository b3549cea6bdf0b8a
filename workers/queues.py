"""Messages of an SQS queue: received, taken, and deleted once what they told of is committed.

A message that can never be taken is left where it is: after the receives that the queue's own
redrive policy allows, it goes to the dead-letter queue. One that cannot be taken just now (a store
is away, a quota is full) is kept in hand and hidden from others meanwhile, because every receive
counts towards that policy and an hour's outage must not empty a queue into the dead letters.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connector.domain import source_events
from connector.domain.predictions import SourceRef
from connector.errors import BadRequest, ColabelError, Forbidden, Unavailable
from connector.inbound import s3_events, s3_settings, sns
from connector.inbound.payload import parse_json
from connector.inbound.s3_events import NewObject, PassedOver
from connector.inbound.s3_settings import S3Settings
from connector.storage.base import REFUSED

if TYPE_CHECKING:
    from workers.receive import Receiver

logger = logging.getLogger(__name__)

POLL_SECONDS = 20
MOST = 10
HIDDEN_SECONDS = 60
# How long a message that cannot be taken stays hidden before its next receive.
POISON_SECONDS = 300
LONGEST_WAIT = 60.0
# SQS hides a message for twelve hours altogether.
IN_HAND_SECONDS = 11 * 3600.0
IDLE_SECONDS = 5.0

Message = Mapping[str, Any]


class Queue:
    """The queue of one source."""

    def __init__(self, receiver: Receiver, source_id: str) -> None:
        self._receiver, self._rt = receiver, receiver.rt
        self._source_id = source_id

    def serve(self) -> None:
        """Receive until the runtime stops or the source no longer names a queue."""
        failures = 0
        while not self._rt.stopping.is_set():
            try:
                source = self._receiver.source(self._source_id)
                if source is None or not source.settings.get("queue_url"):
                    return
                if source.paused or not source.ready:
                    self._rt.stopping.wait(IDLE_SECONDS)
                    continue
                self.step(source, POLL_SECONDS)
                failures = 0
            except Unavailable as error:
                failures += 1
                if failures == 1:
                    logger.warning("source %s: %s", self._source_id, error.detail)
                    self._note(error)
                self._rt.stopping.wait(_pause(failures))

    def step(self, source: SourceRef, wait_seconds: int) -> int:
        """Receive once, waiting so long for messages, and see to them; return how many came.

        Raises Unavailable when the queue cannot be asked.
        """
        place = s3_settings.of(source.settings)
        with self._receiver.stores.queue(place) as client:
            answer = client.receive_message(
                QueueUrl=place.queue_url,
                MaxNumberOfMessages=MOST,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=HIDDEN_SECONDS,
            )
        messages: list[Message] = answer.get("Messages", [])
        if messages:
            held = {str(message["ReceiptHandle"]) for message in messages}
            with self._hidden(place, held):
                for message in messages:
                    self._see_to(source, place, message, held)
        return len(messages)

    def _see_to(
        self, source: SourceRef, place: S3Settings, message: Message, held: set[str]
    ) -> None:
        handle = str(message["ReceiptHandle"])
        try:
            told = read(message.get("Body", ""), place)
            taken = self._take(source, told)
        except (BadRequest, Forbidden) as error:
            self._leave(place, handle, held, error)
        except Unavailable as error:
            # Refused, until somebody corrects something: no reason to stop the others.
            self._leave(place, handle, held, error)
        else:
            held.discard(handle)
            if taken:
                with self._receiver.stores.queue(place) as client:
                    client.delete_message(QueueUrl=place.queue_url, ReceiptHandle=handle)

    def _take(self, source: SourceRef, told: Sequence[NewObject | PassedOver]) -> bool:
        """Take what a message tells; wait for what is away. False: leave it for another time.

        Raises Unavailable (storage_refused) for what only somebody can put right.
        """
        waited, failures = 0.0, 0
        while waited < IN_HAND_SECONDS:
            try:
                self._receiver.arrivals.take_all(source, told)
                return True
            except ColabelError as error:
                if error.permanent or error.code == REFUSED:
                    raise _as_refused(error) from error
                failures += 1
                if failures == 1:
                    logger.warning("source %s waits: %s", source.id, error.detail)
                    self._note(error)
                pause = max(_pause(failures), min(error.retry_after or 0, LONGEST_WAIT))
            waited += pause
            if self._rt.stopping.wait(pause):
                return False
            present = self._receiver.source(source.id)
            if present is None or present.paused:
                return False
            source = present
        return False

    def _leave(self, place: S3Settings, handle: str, held: set[str], error: ColabelError) -> None:
        """Note what is wrong with a message, and leave it to the queue's redrive policy."""
        self._note(error)
        held.discard(handle)
        with self._receiver.stores.queue(place) as client:
            client.change_message_visibility(
                QueueUrl=place.queue_url, ReceiptHandle=handle, VisibilityTimeout=POISON_SECONDS
            )

    def _note(self, error: ColabelError) -> None:
        with self._rt.database.write() as session:
            source_events.note_refusal(
                session, self._source_id, code=error.code, detail=error.detail, pictures=0
            )

    @contextmanager
    def _hidden(self, place: S3Settings, held: set[str]) -> Iterator[None]:
        """Keep the messages that are still held from others until the block ends."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(HIDDEN_SECONDS / 3):
                entries = [
                    {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": HIDDEN_SECONDS}
                    for n, handle in enumerate(sorted(held))
                ]
                try:
                    if entries:
                        with self._receiver.stores.queue(place) as client:
                            client.change_message_visibility_batch(
                                QueueUrl=place.queue_url, Entries=entries
                            )
                except Unavailable as error:
                    # Should they be received by somebody else as well, no harm is done.
                    logger.warning("messages could not be kept hidden: %s", error.detail)

        thread = threading.Thread(target=renew, name="queue-keeper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def read(body: str, place: S3Settings) -> list[NewObject | PassedOver]:
    """Return what a message tells: a notification of S3 or EventBridge, or one that SNS wrapped.

    Who may send to the queue is told by its policy, so that no signature is asked for. Raises
    BadRequest (invalid_json, not_s3_event) and Forbidden (unknown_topic).
    """
    value = parse_json(body.encode())
    if isinstance(value, dict) and value.get("Type") == sns.NOTIFICATION:
        topic, text = value.get("TopicArn"), value.get("Message")
        if place.topics and topic not in place.topics:
            raise Forbidden(
                f"The topic {str(topic)[:200]} is not one of the source's.", code="unknown_topic"
            )
        if isinstance(text, str):
            value = parse_json(text.encode())
    return s3_events.read_all(value)


def _as_refused(error: ColabelError) -> Unavailable:
    return Unavailable(error.detail, code=error.code, retry_after=error.retry_after)


def _pause(failures: int) -> float:
    return float(min(2 ** min(failures - 1, 6), LONGEST_WAIT))
