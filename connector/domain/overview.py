"""What a person wants to know of their classifiers at a glance, in few queries however many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from connector.db.tables import (
    Classifier,
    Example,
    ModelVersion,
    Prediction,
    Review,
    TrainingRun,
)
from connector.domain import classifiers
from connector.domain.longwork import UNFINISHED
from connector.domain.paging import Page
from connector.domain.training_sets import FEWEST, ORIENTATION
from connector.ids import made_at

# More open questions than this are "1,000 or more": nobody needs to know exactly.
MOST_COUNTED = 1000
PAGE = 24


@dataclass(frozen=True)
class Glance:
    """One classifier: what it is, how it is, and how it does.

    `state` is training, failed, empty, collecting, ready (to train) or live.
    """

    row: Classifier
    state: str
    examples: int
    unlabelled: int
    questions: int
    last_picture_at: datetime | None
    live: ModelVersion | None
    run: TrainingRun | None
    # Of one classifier alone: how many examples each label has.
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def accuracy(self) -> float | None:
        """The share of held-out pictures that the live model has right."""
        return None if self.live is None else self.live.metrics.get("accuracy")

    @property
    def busy(self) -> bool:
        """Whether a training is under way or waits its turn."""
        return self.run is not None and self.run.status in UNFINISHED


def list_glances(session: Session, workspace_id: str, cursor: str | None = None) -> Page[Glance]:
    """Return a page of the workspace's classifiers, newest first. Raises BadRequest."""
    page = classifiers.list_classifiers(session, workspace_id, cursor=cursor, limit=PAGE)
    return Page(_glances(session, page.items), page.next_cursor)


def glance(session: Session, workspace_id: str, classifier_id: str) -> Glance:
    """Return one classifier with its labels' counts. Raises NotFound."""
    row = classifiers.get_classifier(session, workspace_id, classifier_id)
    counts = classifiers.example_counts(session, row)
    return _glances(session, [row], counts)[0]


def open_questions(session: Session, workspace_id: str) -> int:
    """Return how many questions wait in the whole workspace, up to MOST_COUNTED."""
    some = (
        select(Review.id)
        .where(Review.workspace_id == workspace_id, Review.state == "open")
        .limit(MOST_COUNTED)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(some)).scalar_one()


def _glances(
    session: Session, rows: Sequence[Classifier], counts: dict[str, int] | None = None
) -> list[Glance]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    live, runs = _live(session, ids), _last_runs(session, ids)
    examples, questions, last = (
        _examples(session, ids),
        _questions(session, rows[0].workspace_id),
        _last(session, ids),
    )
    found = []
    for row in rows:
        labelled, unlabelled = examples.get(row.id, (0, 0))
        glance = Glance(
            row=row,
            state="",
            examples=labelled,
            unlabelled=unlabelled,
            questions=questions.get(row.id, 0),
            last_picture_at=last.get(row.id),
            live=live.get(row.id),
            run=runs.get(row.id),
            counts=counts or {},
        )
        found.append(_with_state(glance))
    return found


def _with_state(glance: Glance) -> Glance:
    values: dict[str, Any] = {**glance.__dict__, "state": _state(glance)}
    return Glance(**values)


def _state(glance: Glance) -> str:
    if glance.row.live_version is not None:
        return "live"
    if glance.busy:
        return "training"
    if glance.run is not None and glance.run.status == "failed":
        return "failed"
    if not glance.examples and not glance.unlabelled:
        return "empty"
    return "ready" if glance.counts and can_train(glance) else "collecting"


def can_train(glance: Glance) -> bool:
    """Say whether there are examples enough for a training at all."""
    if glance.row.recipe == ORIENTATION:
        return glance.examples >= FEWEST
    return sum(count >= FEWEST for count in glance.counts.values()) >= 2


def _live(session: Session, ids: Sequence[str]) -> dict[str, ModelVersion]:
    statement = (
        select(ModelVersion)
        .join(
            Classifier,
            and_(
                Classifier.id == ModelVersion.classifier_id,
                Classifier.live_version == ModelVersion.number,
            ),
        )
        .where(Classifier.id.in_(ids))
    )
    return {row.classifier_id: row for row in session.scalars(statement)}


def _last_runs(session: Session, ids: Sequence[str]) -> dict[str, TrainingRun]:
    last = (
        select(func.max(TrainingRun.id))
        .where(TrainingRun.classifier_id.in_(ids))
        .group_by(TrainingRun.classifier_id)
    )
    statement = select(TrainingRun).where(TrainingRun.id.in_(last))
    return {row.classifier_id: row for row in session.scalars(statement)}


def _examples(session: Session, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    statement = (
        select(Example.classifier_id, func.count(Example.label_id), func.count())
        .where(Example.classifier_id.in_(ids))
        .group_by(Example.classifier_id)
    )
    return {
        id_: (labelled, count - labelled) for id_, labelled, count in session.execute(statement)
    }


def _questions(session: Session, workspace_id: str) -> dict[str, int]:
    """Begin at the open questions, which are few beside the pictures."""
    statement = (
        select(Prediction.classifier_id, func.count())
        .select_from(Review)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(Review.workspace_id == workspace_id, Review.state == "open")
        .group_by(Prediction.classifier_id)
    )
    found: dict[str, int] = dict(session.execute(statement).all())
    return found


def _last(session: Session, ids: Sequence[str]) -> dict[str, datetime]:
    """When the last picture came: an id tells, so that no row needs to be read."""
    newest = (
        select(func.max(Prediction.id))
        .where(Prediction.classifier_id == Classifier.id)
        .correlate(Classifier)
        .scalar_subquery()
    )
    statement = select(Classifier.id, newest).where(Classifier.id.in_(ids))
    return {id_: made_at(last) for id_, last in session.execute(statement) if last is not None}
