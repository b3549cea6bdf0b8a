"""A source of the kind s3 without HTTP: its bucket, its row, and what came by it."""

from __future__ import annotations

from typing import Any

from buckets import S3Bucket
from colours import picture
from sqlalchemy import select

from connector.db.tables import Classifier, Prediction, Source
from connector.domain import source_events, sources
from connector.settings import Settings
from workers.receive import Receiver
from workers.runtime import Runtime

RED = picture("red")


def allowing(settings: Settings, **more: Any) -> Settings:
    """Return settings with which sources may use any bucket and queue on this machine."""
    allowed = {"buckets": ["*"], "queues": ["*"], "allow_private_addresses": ["127.0.0.1"]}
    return settings.model_copy(update={**allowed, **more})


class Reading:
    """A bucket, the source that reads it, and a receiver."""

    def __init__(
        self, rt: Runtime, classifier: Classifier, bucket: S3Bucket, **wanted: Any
    ) -> None:
        self.rt, self.name, self.server = rt, bucket.name.name, bucket.server
        self.store = bucket.server.client
        with rt.database.write() as session:
            row = sources.create_source(
                session,
                session.get_one(Classifier, classifier.id),
                kind="s3",
                name="Bucket",
                settings={"buckets": [self.name], **wanted},
                house=rt.settings,
            )
            self.id = row.id
        self.receiver = Receiver(rt)

    def put(self, key: str, data: bytes = RED, **options: Any) -> None:
        self.store.put_object(Bucket=self.name, Key=key, Body=data, **options)

    def source(self) -> Any:
        """Return the source as it is now."""
        found = self.receiver.source(self.id)
        assert found is not None
        return found

    def rows(self) -> list[Prediction]:
        """Return what came, in its order."""
        with self.rt.database.read() as session:
            mine = select(Prediction).where(Prediction.source_id == self.id)
            return list(session.scalars(mine.order_by(Prediction.id)))

    def events(self, outcome: str) -> list[str]:
        """Return the codes of what was refused or ignored, the newest first."""
        with self.rt.database.read() as session:
            told = source_events.shown(session, session.get_one(Source, self.id))
        return [one["code"] for one in told if one["outcome"] == outcome]

    def set_state(self, state: str) -> None:
        """Pause or resume the source."""
        self.change(state=state)

    def change(self, **wanted: Any) -> None:
        """Change what is given: state, settings."""
        with self.rt.database.write() as session:
            row = session.get_one(Source, self.id)
            for name, value in wanted.items():
                setattr(row, name, value)
