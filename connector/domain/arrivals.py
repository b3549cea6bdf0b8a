"""Objects that a store reported or a bucket holds become predictions, each once.

What an object is accepted under is told by the object as it was read, not by who reported it: its
version, else its ETag and the time it was written. So whatever is told twice, late, in another
order, by several roads or found by a back-fill as well ends in one row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connector.db import Database
from connector.domain import predictions, source_events
from connector.domain.predictions import Accepted, SourceRef, Submission
from connector.domain.quotas import Quotas
from connector.errors import (
    BadRequest,
    ColabelError,
    TooLarge,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)
from connector.inbound import s3_settings
from connector.inbound.s3_events import NewObject, PassedOver
from connector.inbound.s3_settings import S3Settings
from connector.settings import Settings
from connector.storage.base import Blobs
from connector.storage.object_reading import FetchedObject, ObjectStores

# Telling of these again brings nothing, so whoever reports them must not be made to.
_HOPELESS = (BadRequest, TooLarge, UnsupportedMedia, Unprocessable)
_HOPELESS_CODES = ("object_gone", "own_object")
# A refusal elsewhere, but here something that the next time may be otherwise.
_FOR_NOW_CODES = ("no_model", "conflict")
MODEL_RETRY_AFTER = 60


@dataclass
class Result:
    """What became of the objects of a report: ids of predictions, and why others are none."""

    accepted: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    ignored: list[PassedOver] = field(default_factory=list)


class Arrivals:
    """Takes objects in. One for a process; may be used by several threads."""

    def __init__(
        self,
        house: Settings,
        database: Database,
        blobs: Blobs,
        quotas: Quotas,
        stores: ObjectStores,
    ) -> None:
        self._house, self._database, self._blobs = house, database, blobs
        self._quotas, self._stores = quotas, stores

    def take_all(self, source: SourceRef, told: Iterable[NewObject | PassedOver]) -> Result:
        """Accept every object of a report, and note in the source's events why others are none.

        Raises what keeps one from being accepted now; the report is to be sent again then, which
        takes only what is missing.
        """
        place, result = s3_settings.of(source.settings), Result()
        for one in told:
            became = one if isinstance(one, PassedOver) else self._take(source, place, one)
            if isinstance(became, PassedOver):
                result.ignored.append(became)
            else:
                (result.accepted if became.created else result.known).append(became.id)
        if result.ignored:
            with self._database.write() as session:
                source_events.note_ignored(session, source.id, result.ignored)
        return result

    def take(self, source: SourceRef, one: NewObject) -> Accepted | PassedOver:
        """Accept one object, or say why it is passed over. Raises what `take_all` raises."""
        return self._take(source, s3_settings.of(source.settings), one)

    def _take(self, source: SourceRef, place: S3Settings, one: NewObject) -> Accepted | PassedOver:
        reason = place.why_not(one)
        if reason is not None:
            return reason
        self._quotas.take(source.workspace_id, pictures=1)
        created = False
        try:
            accepted = self._submit(source, place, one)
            created = accepted.created
            return accepted
        except ColabelError as error:
            if error.code in _FOR_NOW_CODES:
                raise Unavailable(
                    error.detail, code=error.code, retry_after=MODEL_RETRY_AFTER
                ) from error
            if isinstance(error, _HOPELESS) or error.code in _HOPELESS_CODES:
                return PassedOver(error.code, f"“{one.key[:200]}”: {error.detail}")
            raise
        finally:
            if not created:
                self._quotas.give_back(source.workspace_id, pictures=1)

    def _submit(self, source: SourceRef, place: S3Settings, one: NewObject) -> Accepted:
        found = self._stores.get(place, one.bucket, one.key, one.version)
        self._quotas.take_bytes(source.workspace_id, [found.data])
        submission = Submission(
            data=found.data,
            name=one.key.rstrip("/").rpartition("/")[2],
            idempotency_key=as_read(one, found).idempotency_key,
            location={
                "kind": "s3",
                "bucket": one.bucket,
                "key": one.key,
                "version": found.version,
                "etag": found.etag,
                "source_id": source.id,
            },
        )
        return predictions.submit(
            self._database,
            self._blobs,
            self._house,
            source=source,
            submission=submission,
            way="s3",
        )


def as_read(one: NewObject, found: FetchedObject) -> NewObject:
    """Return what is known of an object once it was read: the same whoever told of it."""
    return NewObject(
        one.bucket,
        one.key,
        version=found.version,
        etag=found.etag,
        size=len(found.data),
        created_at=found.modified,
    )
