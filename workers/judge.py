"""The judge job: which thresholds keep a classifier's promise, and whether the field agrees."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Classifier, ModelVersion, Prediction
from connector.db.types import Json
from connector.domain import audits, promises, versions
from connector.errors import NotFound
from models import guarantee, live_error
from models import promise as promised
from models.errors import ModelError
from models.scored import Judged
from models.track_record import TrackRecord
from workers import runtime as rt_module
from workers import watching
from workers.judging import record_of
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

# How far back arriving pictures are counted, and how many of them tell enough about a day.
STREAM_DAYS, ENOUGH_STREAM = 7.0, 20
# Error rates among which a person chooses, the most careful first.
RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)

FROM_SCRATCH = (
    "The network was trained from scratch, and the pictures that were held out had to tell how "
    "sure it is: none is left to prove an error rate by. Train again without "
    "COLABEL_BACKBONE=scratch; until then a person is asked about every picture."
)


def drain() -> int:
    """Judge every classifier about which something changed (the RQ job); return how many."""
    return rt_module.drain(runtime(), "judge", step)


def step(rt: Runtime) -> int:
    """Judge one classifier; return 0 when there is none to judge.

    What depends on the version and the promise alone is worked out first, outside the transaction
    that writes it; the answers of people are counted inside, so that none is missed. Twice does no
    harm.
    """
    with rt.database.read() as session:
        classifier = session.scalars(select(Classifier).where(promises.STALE).limit(1)).first()
        live = versions.live(session, classifier) if classifier is not None else None
        session.expunge_all()
    if classifier is None or live is None:
        return 0
    point = _operating(rt, classifier, live)
    drift = watching.drift(rt, classifier, live)
    with rt.database.write() as session:
        row = session.get_one(
            Classifier, classifier.id, with_for_update=True, populate_existing=True
        )
        if (row.live_version, row.promise) != (classifier.live_version, classifier.promise):
            return 1  # it is stale still, and judged again
        row.operating, row.stale = point, False
        _look_at_the_field(session, rt, row, drift)
    return 1


def _operating(rt: Runtime, classifier: Classifier, live: ModelVersion) -> Json | None:
    known, kind = classifier.operating, classifier.promise["kind"]
    if kind in promises.GUARANTEED and known is not None and known["version"] == live.number:
        # It stands on held-out pictures alone, which are fixed for a version.
        return known
    try:
        record = record_of(rt, live)
    except (ModelError, NotFound) as error:
        return _nothing(live.number, list(live.labels), error.detail)
    return operating(rt, classifier, live.number, record)


def operating(rt: Runtime, classifier: Classifier, number: int, record: TrackRecord) -> Json | None:
    """Return the thresholds that keep the classifier's promise with version `number`, and why.

    None where no thresholds are needed for what is promised.
    """
    kind = classifier.promise["kind"]
    if kind not in (*promises.GUARANTEED, promises.CAPACITY):
        return None
    if not record.tuning.hashes and kind in promises.GUARANTEED:
        return _nothing(number, list(record.labels), FROM_SCRATCH)
    wanted: promised.Promise
    if kind == promises.CAPACITY:
        arriving = _stream(rt, classifier)
        if arriving is None:
            return _nothing(
                number,
                list(record.labels),
                f"Fewer than {ENOUGH_STREAM} pictures arrived in the last {STREAM_DAYS:g} days: "
                "too few to tell which answers fit into the questions that people have time for.",
            )
        wanted = promised.Capacity(
            questions_per_day=classifier.promise["questions_per_day"],
            pictures_per_day=arriving.per_day,
        )
    elif kind == promises.PER_LABEL:
        wanted = promised.ErrorRatePerLabel(classifier.promise["rate"])
    else:
        wanted = promised.ErrorRate(classifier.promise["rate"])
    return {"version": number, **_guarantee(number, record, wanted).to_json()}


def choices(number: int, record: TrackRecord) -> list[Json]:
    """Return what each of RATES would come to if it were promised with version `number`.

    It is what `operating` will find, so that a person can choose before it is promised. Empty for a
    network that was trained from scratch, which can promise none.
    """
    if not record.tuning.hashes:
        return []
    return [_choice(number, record, rate) for rate in RATES]


def _choice(number: int, record: TrackRecord, rate: float) -> Json:
    found = _guarantee(number, record, promised.ErrorRate(rate))
    low, high = found.review_interval
    return {
        "rate": rate,
        "kept": found.kept,
        "review_share": None if found.review_share is None else round(found.review_share, 4),
        "review_interval": [round(low, 4), round(high, 4)],
        "more_labelled": found.evidence.more_labelled,
        "pictures": found.evidence.pictures,
        "answered": found.evidence.answered,
        "wrong": found.evidence.wrong,
        "sentence": found.sentence,
    }


def _guarantee(number: int, record: TrackRecord, wanted: promised.Promise) -> guarantee.Guarantee:
    held_out = record.held_out.distinct(record.group_names)
    return guarantee.guarantee(
        wanted,
        record.labels,
        Judged.of(record.tuning.probabilities, record.tuning.targets),
        Judged.of(held_out.probabilities, held_out.targets),
        # From the second version on, the same pictures chose which of two models is live.
        candidates=1 if number == 1 else 2,
    )


def _nothing(number: int, labels: list[str], sentence: str) -> Json:
    """No threshold is known that would keep the promise: a person is asked about everything."""
    thresholds = dict.fromkeys(labels, None)
    return {"version": number, "thresholds": thresholds, "kept": False, "sentence": sentence}


@dataclass(frozen=True)
class _Stream:
    """How many pictures arrive."""

    per_day: float


def _stream(rt: Runtime, classifier: Classifier) -> _Stream | None:
    with rt.database.read() as session:
        moment = now(session)
        since = moment - timedelta(days=STREAM_DAYS)
        count, first = session.execute(
            select(func.count(Prediction.id), func.min(Prediction.created_at)).where(
                Prediction.classifier_id == classifier.id, Prediction.created_at >= since
            )
        ).one()
    if count < ENOUGH_STREAM:
        return None
    # A classifier that began today is judged by today, but never by less than a day.
    days = max(1.0, (moment - first).total_seconds() / 86_400)
    return _Stream(count / days)


def _look_at_the_field(
    session: Session, rt: Runtime, classifier: Classifier, drift: Json | None
) -> None:
    """Work out the error among automatic answers, and tell when the promise holds no more."""
    counted = audits.count(session, classifier)
    rate = classifier.promise.get("rate")
    found = live_error.live_error(counted.wrong, counted.answered, alpha=rate)
    before = (classifier.field or {}).get("verdict")
    shown: dict[str, Any] = {**found.to_json(), "drift": drift}
    classifier.field = shown
    if found.verdict in ("warning", "broken") and found.verdict != before:
        logger.warning("%s: %s", classifier.name, found.sentence)
        audits.tell(session, classifier, found.verdict, rt.settings.public_url)
