"""When a classifier learns by itself: from the first examples on, and as new labels come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from connector.db.session import now
from connector.db.tables import Classifier, Example, Import, TrainingRun
from connector.domain import classifiers, training
from connector.domain.longwork import UNFINISHED
from connector.domain.training_sets import ORIENTATION, check_examples
from connector.errors import Unprocessable

# Labels often come in bursts: a person answers one question after the other.
QUIET_SECONDS = 2.0
# So many new labels for each hundred examples are worth a new model; fewer wait a little longer.
WORTH = 0.02
PATIENCE_SECONDS = 300.0
# A model that takes long to train is not trained all the time.
REST = 10.0
# On average so many pictures a label are worth minutes of fine-tuning, and so many times as many
# are worth them again.
ENOUGH_TO_TUNE, TUNE_AGAIN = 20, 1.25


@dataclass(frozen=True)
class Pending:
    """A classifier whose labels changed since a training last looked at them."""

    classifier: Classifier
    changes: int
    examples: int
    last_seconds: float
    last_finished: datetime | None

    def due(self, moment: datetime) -> bool:
        """Say whether it is time to train by itself."""
        return moment >= self.due_at

    @property
    def missing(self) -> int:
        """How many more labels would be worth a training without waiting any longer."""
        return max(0, ceil(max(1, WORTH * self.examples)) - self.changes)

    @property
    def due_at(self) -> datetime:
        """From when on it is time to train by itself, if nothing more is labelled until then."""
        changed_at = self.classifier.changed_at or self.classifier.created_at
        quiet = changed_at + timedelta(seconds=QUIET_SECONDS)
        if self.classifier.live_version is None or self.last_finished is None:
            return quiet
        enough = self.changes >= max(1, WORTH * self.examples)
        waited = quiet if enough else changed_at + timedelta(seconds=PATIENCE_SECONDS)
        return max(waited, self.last_finished + timedelta(seconds=REST * self.last_seconds))


def pending(session: Session) -> list[Pending]:
    """Return the classifiers that could learn more: labels changed since a run read them.

    Those with too few examples to train at all are not among them, nor those with a run under way.
    """
    return [
        _pending(session, classifier, seen)
        for classifier, seen in session.execute(_changed()).all()
        if _trainable(session, classifier)
    ]


def next_training(session: Session, classifier: Classifier) -> Pending | None:
    """Return what `classifier` waits for before it trains by itself; None where it will not now.

    That is while it is told not to, has too few examples, nothing new to learn, or is at work.
    """
    changed = session.execute(_changed().where(Classifier.id == classifier.id)).first()
    if changed is None or not _trainable(session, classifier):
        return None
    return _pending(session, classifier, changed[1])


def _pending(session: Session, classifier: Classifier, seen: int | None) -> Pending:
    last = session.scalars(
        select(TrainingRun)
        .where(TrainingRun.classifier_id == classifier.id, TrainingRun.kind == training.HEAD)
        .order_by(TrainingRun.id.desc())
        .limit(1)
    ).first()
    count = session.scalar(
        select(func.count(Example.id)).where(
            Example.classifier_id == classifier.id, Example.label_id.is_not(None)
        )
    )
    return Pending(
        classifier,
        classifier.changes - (seen or 0),
        count or 0,
        _seconds(last),
        last.finished_at if last is not None else None,
    )


def _changed() -> Select[Classifier, int | None]:
    """Classifiers with changes that no run has seen, and the count that the last run saw."""
    seen = (
        select(TrainingRun.classifier_id, func.max(TrainingRun.changes_seen).label("changes"))
        .group_by(TrainingRun.classifier_id)
        .subquery()
    )
    return (
        select(Classifier, seen.c.changes)
        .outerjoin(seen, seen.c.classifier_id == Classifier.id)
        .where(
            Classifier.deleted_at.is_(None),
            Classifier.auto_train,
            Classifier.changes > func.coalesce(seen.c.changes, 0),
            ~_unfinished(TrainingRun, TrainingRun.kind == training.HEAD),
            ~_unfinished(Import),
        )
    )


def _unfinished(
    table: type[TrainingRun] | type[Import], *more: ColumnElement[bool]
) -> ColumnElement[bool]:
    waiting = table.status.in_(UNFINISHED)
    return exists().where(table.classifier_id == Classifier.id, waiting, *more)


def _trainable(session: Session, classifier: Classifier) -> bool:
    try:
        check_examples(session, classifier)
    except Unprocessable:
        return False
    return True


def _seconds(run: TrainingRun | None) -> float:
    if run is None or run.finished_at is None or run.started_at is None:
        return 0.0
    return (run.finished_at - run.started_at).total_seconds()


def any_due(session: Session) -> bool:
    """Say whether some classifier should train by itself now."""
    moment = now(session)
    return any(one.due(moment) for one in pending(session))


def request_due(session: Session) -> list[str]:
    """Queue a run for every classifier whose time has come; return the runs' ids."""
    moment, requested = now(session), []
    for one in pending(session):
        if not one.due(moment):
            continue
        first = one.classifier.live_version is None
        reason = "first_examples" if first else "new_labels"
        requested.append(training.request_run(session, one.classifier, reason=reason).id)
    return requested


def request_tuning(session: Session, classifier: Classifier) -> TrainingRun | None:
    """Queue a fine-tuning when there is enough to learn that the last one did not know, else None.

    Meant for a classifier whose live head stands on a pretrained network.
    """
    if not classifier.auto_train or classifier.recipe == ORIENTATION:
        return None
    counts = [n for n in classifiers.example_counts(session, classifier).values() if n]
    if len(counts) < 2 or sum(counts) < ENOUGH_TO_TUNE * len(counts):
        return None
    last = session.scalars(
        select(TrainingRun)
        .where(TrainingRun.classifier_id == classifier.id, TrainingRun.kind == training.FINETUNE)
        .order_by(TrainingRun.id.desc())
        .limit(1)
    ).first()
    if last is not None and (last.status != "done" or sum(counts) < TUNE_AGAIN * _knew(last)):
        # One that failed would fail again; it is for a person to see why.
        return None
    return training.request_run(session, classifier, kind=training.FINETUNE, reason="more_examples")


def _knew(run: TrainingRun) -> int:
    """How many pictures a finished run trained on and was scored with."""
    metrics = run.metrics or {}
    return int(metrics.get("count", 0)) + int(metrics.get("training_count", 0))
