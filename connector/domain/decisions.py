"""From probabilities to an answer, a question to a person, or a failure; and what follows."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from connector.db import tallies
from connector.db.session import afterwards, want
from connector.db.tables import Action, Classifier, Prediction, Review
from connector.db.types import utcnow
from connector.domain import fairness, leases, resources
from connector.domain.outbound import Emitter
from connector.domain.rules import Planner
from connector.ids import new_id
from connector.logs import note
from connector.settings import Settings

logger = logging.getLogger(__name__)

STRIKES = 3
DEFAULT_THRESHOLD = 0.9


@dataclass(frozen=True)
class Twin:
    """A near-identical picture, and the label that a person gave it."""

    prediction_id: str | None
    label: str


@dataclass(frozen=True)
class Answer:
    """What a model said of one picture, and what is known of the picture beside that.

    `thresholds`: the confidence per label from which nobody is asked, None where somebody always
    is, for the reason `always` (code, sentence). `usual`: a p-value, small for a picture unlike
    those that were labelled; `unlike` says so in a sentence when it is too unlike to be answered.
    `relabelled`: how often labels had been renamed or removed when these names were current.
    """

    prediction_id: str
    probabilities: Mapping[str, float]
    thresholds: Mapping[str, float | None]
    model_version: int
    usual: float | None = None
    unlike: str | None = None
    twin: Twin | None = None
    always: tuple[str, str] | None = None
    audit_share: float = 0.0
    relabelled: int = 0

    @property
    def best(self) -> tuple[str | None, float]:
        """The likeliest label and its probability; (None, 0) when all labels were removed."""
        label = max(self.probabilities, key=self.probabilities.__getitem__, default=None)
        return label, 0.0 if label is None else float(self.probabilities[label])


@dataclass(frozen=True)
class Failure:
    """Why a picture cannot be answered."""

    prediction_id: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Work:
    """Queued predictions that this worker holds."""

    claim: leases.Claim
    predictions: list[Prediction]
    # Of short lines alone, whose batch is over at once (see `fairness`).
    express: bool = False


def claim_queued(session: Session, *, limit: int, seconds: float, express: bool = False) -> Work:
    """Claim queued predictions: one that was in a crash, all by itself, else a batch of others.

    A picture that was in a batch when its worker died is tried alone, so that a poisonous one is
    found and the others are not blamed. Workspaces share a batch (see `fairness`).
    """
    queued = Prediction.status == "queued"
    marked = or_(Prediction.suspect > 0, Prediction.lease_token.is_not(None))
    claim = leases.claim(session, Prediction, queued & marked, limit=1, seconds=seconds)
    fair = None if claim.ids else fairness.in_turn(session, limit, express=express)
    if fair:
        mine = queued & Prediction.id.in_(fair.ids)
        claim = leases.claim(session, Prediction, mine, limit=limit, seconds=seconds)
    if not claim.ids:
        claim = leases.claim(session, Prediction, queued, limit=limit, seconds=seconds)
    rows = list(
        session.scalars(
            select(Prediction).where(Prediction.id.in_(claim.ids)).order_by(Prediction.id)
        )
    )
    for row in rows:
        if row.id in claim.abandoned:
            # Alone when its worker died: its own strike. In a batch: only under suspicion.
            row.strikes += 1 if row.suspect else 0
            row.suspect += 1
    return Work(claim, rows, express=fair is not None and fair.express)


def quarantine(session: Session, settings: Settings, work: Work) -> list[Prediction]:
    """Fail those that brought their worker down too often; return the rest."""
    bad = [row for row in work.predictions if row.strikes >= STRIKES]
    failures = [
        Failure(
            row.id,
            "quarantined",
            f"Reading this picture ended the worker {STRIKES} times, so it was set aside. "
            "Send it again as a freshly saved PNG or JPEG, or retry it.",
        )
        for row in bad
    ]
    if failures:
        record(session, settings, work.claim, [], failures)
    return [row for row in work.predictions if row.strikes < STRIKES]


class Recorder:
    """Writes decisions and all that follows from them, inside the caller's transaction."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session = session
        self.public_url = settings.public_url
        self.planner = Planner(session)
        self._emitters: dict[str, Emitter] = {}

    def emitter(self, workspace_id: str) -> Emitter:
        """Return the workspace's emitter, made once."""
        if workspace_id not in self._emitters:
            self._emitters[workspace_id] = Emitter(self.session, workspace_id)
        return self._emitters[workspace_id]

    def answer(self, row: Prediction, answer: Answer) -> None:
        """Decide: the model's answer stands, a person's about its twin does, or one is asked."""
        label, confidence = answer.best
        row.label, row.confidence = label, confidence
        row.probabilities = {name: float(p) for name, p in answer.probabilities.items()}
        row.model_version, row.usual = answer.model_version, answer.usual
        if answer.twin is not None:
            row.label, row.twin_of = answer.twin.label, answer.twin.prediction_id
            self.decide(row, "person")
            return
        asked = question(label, confidence, answer)
        if asked is not None:
            self.ask(row, *asked)
            return
        self.decide(row, "model")
        if drawn(row.id, answer.audit_share):
            self._open(row, "audit", "audit", f"Is “{label}” right? This answer stands already.")

    def decide(self, row: Prediction, decided_by: str) -> list[Action]:
        """The answer stands: plan what the rules foresee and tell whoever listens.

        An answer of no label says that it is none of them: rules speak of labels, so none follows.
        """
        row.status, row.decided_by, row.decided_at = "done", decided_by, utcnow()
        planned = [] if row.label is None else self.planner.plan(row)
        self._completed(row, planned)
        return planned

    def ask(self, row: Prediction, code: str, reason: str) -> None:
        """Nobody answers for the model: open a review."""
        row.status = "needs_review"
        review = self._open(row, "question", code, reason)
        emitter = self.emitter(row.workspace_id)
        if emitter.listens("review.requested"):
            shown = resources.review(review, row, self.public_url)
            emitter.emit("review.requested", shown)

    def _open(self, row: Prediction, kind: str, code: str, reason: str) -> Review:
        review = Review(
            id=new_id("rev"),
            workspace_id=row.workspace_id,
            prediction_id=row.id,
            kind=kind,
            state="open",
            code=code,
            reason=reason,
        )
        review.created_at = utcnow()
        self.session.add(review)
        return review

    def fail(self, row: Prediction, failure: Failure) -> None:
        """Give up on a picture, visibly."""
        row.status, row.error_code, row.error = "failed", failure.code, failure.sentence
        row.decided_at = utcnow()
        self._completed(row, [])

    def _completed(self, row: Prediction, planned: Sequence[Action]) -> None:
        emitter, callbacks = self.emitter(row.workspace_id), row.to_call_back
        if not callbacks and not emitter.listens("prediction.completed"):
            return
        review = self.session.scalars(
            select(Review.id).where(Review.prediction_id == row.id)
        ).first()
        shown = resources.decided(row, self.public_url, planned, review)
        emitter.emit("prediction.completed", shown, callbacks)


def question(label: str | None, confidence: float, answer: Answer) -> tuple[str, str] | None:
    """Return code and reason of the question to ask, or None when the answer may stand."""
    if label is None:
        return "no_evidence", "All the labels that the model knows were removed since."
    says = f"The model says “{label}” with {confidence:.0%} confidence"
    if answer.unlike is not None:
        return "unlike", answer.unlike
    threshold = answer.thresholds.get(label, DEFAULT_THRESHOLD)
    if threshold is None:
        code, why = answer.always or ("no_evidence", "There is too little evidence to rely on it.")
        return code, f"{says}. {why}"
    if confidence < threshold:
        return "unsure", f"{says}; below {threshold:.0%} a person decides."
    return None


def drawn(prediction_id: str, share: float) -> bool:
    """Say whether the lot falls on a picture, of which `share` (0..1) are drawn.

    Ids hold chance enough; drawn from them, a lot falls the same way however often it is drawn.
    """
    lot = int.from_bytes(hashlib.sha256(f"audit {prediction_id}".encode()).digest()[:8], "big")
    return lot < share * 2**64


def record(
    session: Session,
    settings: Settings,
    claim: leases.Claim,
    answers: Sequence[Answer],
    failures: Sequence[Failure],
) -> int:
    """Write a batch's results for those rows that the claim still holds; return how many."""
    results: dict[str, Answer | Failure] = {one.prediction_id: one for one in answers}
    results.update({one.prediction_id: one for one in failures})
    concerned = _concerned(session, results)
    mine = leases.held(session, Prediction, claim, list(results))
    recorder = Recorder(session, settings)
    rows = session.scalars(select(Prediction).where(Prediction.id.in_(mine)))
    for row in rows.all():
        result = results[row.id]
        row.lease_token = row.lease_until = None
        if isinstance(result, Answer):
            if result.relabelled != len(concerned[row.classifier_id].aliases):
                # It speaks of labels by names that they lost since: it stays queued.
                want(session, "classify")
                continue
            recorder.answer(row, result)
        else:
            recorder.fail(row, result)
        _count(session, row, concerned[row.classifier_id].recipe)
    return len(mine)


def _count(session: Session, row: Prediction, recipe: str) -> None:
    """Count what came of a picture, and how long it took since it was accepted."""
    if row.status == "done":
        outcome = "model" if row.decided_by == "model" else "twin"
    else:
        outcome = "review" if row.status == "needs_review" else "failed"
    seconds = max(0.0, (utcnow() - row.created_at).total_seconds())
    tallies.add(session, "classified", recipe=recipe, outcome=outcome)
    tallies.observe(session, "answer_seconds", seconds)
    told = partial(
        note,
        logger,
        "classified",
        prediction_id=row.id,
        workspace_id=row.workspace_id,
        classifier_id=row.classifier_id,
        outcome=outcome,
        model_version=row.model_version,
        code=row.error_code,
        took_ms=round(1000 * seconds),
    )
    afterwards(session, told)
    if row.error_code is not None:
        tallies.add(session, "failures", what="prediction", code=row.error_code, final="yes")


def _concerned(session: Session, results: Collection[str]) -> dict[str, Any]:
    """Return the recipes and aliases of these predictions' classifiers, as they are now.

    The classifiers are shared until this transaction ends, so that no name changes meanwhile.
    """
    concerned = select(Prediction.classifier_id).where(Prediction.id.in_(results))
    statement = (
        select(Classifier.id, Classifier.aliases, Classifier.recipe)
        .where(Classifier.id.in_(concerned))
        .order_by(Classifier.id)
        .with_for_update(read=True, of=Classifier)
    )
    return {row.id: row for row in session.execute(statement)}


def retry(session: Session, row: Prediction) -> None:
    """Put a failed prediction back in the queue, with a clean slate."""
    row.status, row.error_code, row.error, row.decided_at = "queued", None, None, None
    row.suspect = row.strikes = 0
    row.lease_token = row.lease_until = None
    want(session, "classify")
