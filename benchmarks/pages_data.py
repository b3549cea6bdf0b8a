"""A workspace as large as one gets: 50,000 pictures, 20 classifiers, 10,000 open questions.

The tests' furnished workspace, in which every page has something to show, grown by rows that are
written in bulk. The many pictures have hashes of their own and share a hundred small thumbnails.
"""

from __future__ import annotations

import io
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import common
from PIL import Image as Drawing
from sqlalchemy import insert
from sqlalchemy.orm import Session

sys.path.append(str(common.ROOT / "tests"))

from sites import furnished
from stage import Stage

from connector.db import Database
from connector.db.tables import (
    Action,
    AuditEntry,
    Classifier,
    Embedding,
    Example,
    Image,
    Prediction,
    Review,
    Rule,
    Thumbnail,
)
from connector.db.types import Base, utcnow
from connector.domain import classifiers
from connector.domain.looks import THUMBNAIL_BYTES, THUMBNAILS
from connector.ids import new_id
from connector.settings import load_settings
from connector.storage import LocalBlobs

DRAWN = 100
AT_ONCE = 5_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much there is."""

    pictures: int = 50_000
    classifiers: int = 20
    reviews: int = 10_000


def build(data_dir: Path, size: Size) -> Stage:
    """Make the data folder, and return who and what there is in it."""
    # What the workers of the tests would ring for is nobody's.
    os.environ.setdefault("COLABEL_MIN_FREE_BYTES", "0")
    _, stage = furnished(data_dir)
    settings = load_settings(data_dir=data_dir)
    database, blobs = Database(settings.database), LocalBlobs(settings.blobs_dir)
    maker = _Maker(database, stage, size, [blobs.put(data) for data in _drawn()])
    maker.make()
    database.close()
    return stage


def _drawn() -> Iterator[bytes]:
    for number in range(DRAWN):
        colour = tuple(random.Random(number).randrange(256) for _ in range(3))
        out = io.BytesIO()
        Drawing.new("RGB", (320, 240), colour).save(out, "JPEG", quality=60)
        yield out.getvalue()


@dataclass(frozen=True)
class _Maker:
    database: Database
    stage: Stage
    size: Size
    thumbnails: list[str]

    def make(self) -> None:
        """Write all rows."""
        with self.database.write() as session:
            live = session.get_one(Classifier, self.stage.ids["classifier_id"])
            source = classifiers.source(session, live, "api").id
            labels = [one.id for one in classifiers.labels(session, live)]
            names = [one.name for one in classifiers.labels(session, live)]
            for number in range(self._missing(session)):
                classifiers.create_classifier(
                    session,
                    self.stage.workspace_id,
                    name=f"Classifier {number + 1}",
                    labels=[f"label {one}" for one in range(10)],
                )
            rule = new_id("rule")
            session.add(Rule(rule_id=rule, classifier_id=live.id, label=names[0], actions=[]))
        self._pictures(labels, names, source, rule)

    def _missing(self, session: Session) -> int:
        there = session.query(Classifier).filter_by(workspace_id=self.stage.workspace_id).count()
        return max(0, self.size.classifiers - there)

    def _pictures(self, labels: list[str], names: list[str], source: str, rule: str) -> None:
        chance = random.Random(1)
        for start in range(0, self.size.pictures, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.size.pictures))
            rows: dict[type[Base], list[Row]] = {
                table: []
                for table in (
                    Image,
                    Thumbnail,
                    Embedding,
                    Example,
                    Prediction,
                    Review,
                    Action,
                    AuditEntry,
                )
            }
            for number in numbers:
                self._picture(rows, number, chance, labels, names, source, rule)
            with self.database.write() as session:
                for table, several in rows.items():
                    if several:
                        session.execute(insert(table), several)

    def _picture(
        self,
        rows: dict[type[Base], list[Row]],
        number: int,
        chance: random.Random,
        labels: list[str],
        names: list[str],
        source: str,
        rule: str,
    ) -> None:
        workspace, live = self.stage.workspace_id, self.stage.ids["classifier_id"]
        moment = utcnow() - timedelta(minutes=self.size.pictures - number)
        sha256, image = f"{number:08x}".rjust(64, "b"), new_id("img")
        rows[Image].append(
            {
                "id": image,
                "workspace_id": workspace,
                "sha256": sha256,
                "media_type": "image/jpeg",
                "width": 640,
                "height": 480,
                "size": 40_000,
                "created_at": moment,
                "deleted_at": None,
            }
        )
        small = self.thumbnails[number % len(self.thumbnails)]
        rows[Thumbnail].append({"sha256": sha256, "thumbnail_sha256": small, "created_at": moment})
        rows[Embedding].append(
            {
                "sha256": sha256,
                "backbone": THUMBNAILS,
                "vector": bytes(THUMBNAIL_BYTES) + chance.randbytes(32),
            }
        )
        waits = number % 5 == 0
        rows[Example].append(
            {
                "id": new_id("ex"),
                "classifier_id": live,
                "image_id": image,
                "label_id": None if waits else labels[number % len(labels)],
                "name": f"photo-{number:06}.jpg",
                "origin": ("page", "api", "import:imp_1", "review")[number % 4],
                "labelled_at": None if waits else moment,
                "labelled_by": None if waits else "Bob",
                "guess_id": labels[number % len(labels)],
                "confidence": round(chance.random(), 4),
                "scored_version": 1,
                "created_at": moment,
            }
        )
        self._answer(rows, number, chance, names, source, rule, image, moment)

    def _answer(
        self,
        rows: dict[type[Base], list[Row]],
        number: int,
        chance: random.Random,
        names: list[str],
        source: str,
        rule: str,
        image: str,
        moment: Any,
    ) -> None:
        workspace, live = self.stage.workspace_id, self.stage.ids["classifier_id"]
        asked = number < self.size.reviews
        sure = chance.uniform(0.35, 0.7) if asked else chance.uniform(0.8, 1)
        label = names[number % len(names)]
        rest = (1 - sure) / (len(names) - 1)
        prediction = new_id("pred")
        rows[Prediction].append(
            {
                "id": prediction,
                "workspace_id": workspace,
                "classifier_id": live,
                "source_id": source,
                "idempotency_key": None,
                "request_hash": "",
                "image_id": image,
                "name": f"photo-{number:06}.jpg",
                "meta": {},
                "status": "needs_review" if asked else "done",
                "label": None if asked else label,
                "confidence": sure,
                "probabilities": {one: sure if one == label else rest for one in names},
                "decided_by": None if asked else "model",
                "model_version": 1,
                "location": {"kind": "held"},
                "suspect": 0,
                "strikes": 0,
                "created_at": moment,
                "decided_at": None if asked else moment,
            }
        )
        if asked:
            rows[Review].append(
                {
                    "id": new_id("rev"),
                    "workspace_id": workspace,
                    "prediction_id": prediction,
                    "kind": "question",
                    "state": "open",
                    "code": "unsure",
                    "reason": "The model is not sure.",
                    "created_at": moment,
                }
            )
        elif number % 3 == 0:
            rows[Action].append(
                {
                    "id": new_id("act"),
                    "workspace_id": workspace,
                    "prediction_id": prediction,
                    "rule_id": rule,
                    "rule_version": 1,
                    "sequence": 0,
                    "position": 0,
                    "kind": "move",
                    "params": {"folder": label},
                    "status": "done",
                    "pending": False,
                    "journal": {},
                    "detail": {},
                    "attempts": 1,
                    "strikes": 0,
                    "due_at": moment,
                    "created_at": moment,
                    "finished_at": moment,
                }
            )
        else:
            rows[AuditEntry].append(
                {
                    "id": new_id("aud"),
                    "workspace_id": workspace,
                    "created_at": moment,
                    "actor_kind": "person",
                    "actor_id": self.stage.people["Bob"].id,
                    "actor_name": "Bob",
                    "address": "127.0.0.1",
                    "what": "example.labelled",
                    "resource_id": prediction,
                    "classifier_id": live,
                    "before": None,
                    "after": {"label": label, "count": 1},
                }
            )
