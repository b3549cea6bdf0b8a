"""Training runs: asked for, worked on under a lease, and judged before anything goes live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Classifier, Example, Image, Label, TrainingRun
from connector.db.types import Json
from connector.domain import classifiers, facts, longwork, outbound, resources, versions
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.versions import NewVersion, Verdict
from connector.errors import NotFound, Unprocessable
from connector.ids import new_id
from connector.settings import Settings

# A label with fewer examples cannot be learned and scored at all.
FEWEST = 2


Claimed = longwork.Claimed[TrainingRun]
WORK = longwork.LongWork(
    TrainingRun,
    "training run",
    f"This training ended its worker {longwork.STRIKES} times, most likely for want of memory; "
    "try a smaller COLABEL_BACKBONE or a machine with more memory, then train again.",
)


@dataclass(frozen=True)
class Labelled:
    """One picture to train on or to score with."""

    sha256: str
    label: str


@dataclass(frozen=True)
class TrainingSet:
    """What a run trains with: labels in their order, pictures, and labels with too few examples."""

    labels: tuple[str, ...]
    pictures: tuple[Labelled, ...]
    left_out: tuple[str, ...]

    @property
    def notice(self) -> str | None:
        """A sentence about labels that the model will not know."""
        if not self.left_out:
            return None
        names = ", ".join(self.left_out)
        return f"Left out for having fewer than {FEWEST} examples: {names}."


def request_run(session: Session, classifier: Classifier) -> TrainingRun:
    """Queue a training run; one that is queued already is returned instead of a second one.

    That holds too for requests at the same moment: the transaction, which must be a writing one,
    locks the classifier until it ends. Raises Unprocessable (not_enough_examples).
    """
    _check_examples(session, classifier)
    row = _queued(session, classifier)
    if row is None:
        row = TrainingRun(
            id=new_id("run"), classifier_id=classifier.id, notice=facts.weights_notice(session)
        )
        session.add(row)
        session.flush()
    want(session, "train")
    return row


def _queued(session: Session, classifier: Classifier) -> TrainingRun | None:
    """Return the run that waits for this classifier; one that is being claimed just now does not.

    SQLite's writers take turns anyway. On PostgreSQL whoever asks second waits here, and the
    statement after the lock sees what the first has committed.
    """
    session.execute(
        select(Classifier.id)
        .where(Classifier.id == classifier.id)
        # Leaves those alone who only refer to the classifier: pictures go on coming in.
        .with_for_update(key_share=True)
    )
    queued = (
        select(TrainingRun)
        .where(TrainingRun.classifier_id == classifier.id, TrainingRun.status == "queued")
        .order_by(TrainingRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(queued).first()


def _check_examples(session: Session, classifier: Classifier) -> None:
    counts = classifiers.example_counts(session, classifier)
    enough = [name for name, count in counts.items() if count >= FEWEST]
    if len(enough) >= 2:
        return
    short = [
        f"“{name}” has {count} and needs {FEWEST - count} more"
        for name, count in counts.items()
        if count < FEWEST
    ]
    missing = "; ".join(short) if short else ""
    labels = "no labels yet" if not counts else f"{len(enough)} such label(s)"
    raise Unprocessable(
        f"Training needs at least two labels with {FEWEST} examples each, better about 100; "
        f"{classifier.name!r} has {labels}{': ' + missing if missing else ''}. Add examples (POST "
        f"/api/v1/classifiers/{classifier.id}/examples, or `colabel import`), then train again.",
        code="not_enough_examples",
        examples=counts,
    )


def get_run(session: Session, classifier: Classifier, run_id: str) -> TrainingRun:
    """Return one run. Raises NotFound."""
    row = session.get(TrainingRun, run_id)
    if row is None or row.classifier_id != classifier.id:
        raise NotFound(f"There is no training run {run_id} here.")
    return row


def list_runs(
    session: Session,
    classifier: Classifier,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[TrainingRun]:
    """Return runs, newest first. Raises BadRequest for bad paging."""
    statement = select(TrainingRun).where(TrainingRun.classifier_id == classifier.id)
    return page(session, statement, TrainingRun.id, cursor=cursor, limit=limit)


def resource(row: TrainingRun, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values."""
    base = f"{public_url}/api/v1/classifiers/{row.classifier_id}"
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "status": row.status,
        "step": row.step,
        "done": row.done,
        "total": row.total,
        "message": row.message,
        "notice": row.notice,
        "version": row.version,
        "promoted": row.promoted,
        "metrics": row.metrics,
        "error": resources.problem(row.error_code, row.error),
        "url": f"{base}/training-runs/{row.id}",
        "created_at": resources.iso(row.created_at),
        "started_at": resources.iso(row.started_at),
        "finished_at": resources.iso(row.finished_at),
    }


def claim_run(session: Session, seconds: float) -> Claimed | None:
    """Claim the oldest run that nobody holds. One that killed three workers fails instead."""
    claimed = WORK.claim(session, seconds)
    if claimed is not None and claimed.row.started_at is None:
        claimed.row.started_at = now(session)
        session.flush()
    return claimed


def training_set(session: Session, classifier_id: str) -> TrainingSet:
    """Return the pictures with their labels as they are now, in a fixed order."""
    statement = (
        select(Label.name, Image.sha256)
        .join(Example, Example.label_id == Label.id)
        .join(Image, Image.id == Example.image_id)
        .where(Label.classifier_id == classifier_id)
        .order_by(Label.position, Label.name, Image.sha256)
    )
    by_label: dict[str, list[str]] = {}
    for label, sha256 in session.execute(statement):
        by_label.setdefault(label, []).append(sha256)
    names = tuple(name for name, hashes in by_label.items() if len(hashes) >= FEWEST)
    return TrainingSet(
        labels=names,
        pictures=tuple(Labelled(sha256, name) for name in names for sha256 in by_label[name]),
        left_out=tuple(name for name in by_label if name not in names),
    )


def progress(
    session: Session, claimed: Claimed, *, step: str, done: int, total: int, message: str
) -> None:
    """Write how far a run is. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.step, row.done, row.total, row.message = step, done, total, message


def fail(session: Session, claimed: Claimed, code: str, sentence: str) -> None:
    """Say why a run came to nothing. Raises LostLease."""
    WORK.fail(session, claimed, code, sentence)


def give_back(session: Session, claimed: Claimed) -> None:
    """Put a run back in the queue unfinished, for whoever comes next; no strike is counted."""
    WORK.give_back(session, claimed)


def classifier_of(session: Session, claimed: Claimed) -> Classifier:
    """Return the classifier as it is now. Raises NotFound when it was deleted meanwhile."""
    row = session.get_one(Classifier, claimed.row.classifier_id)
    return classifiers.get_classifier(session, row.workspace_id, row.id)


def finish(
    session: Session,
    settings: Settings,
    claimed: Claimed,
    version: NewVersion,
    verdict: Verdict,
    *,
    metrics: Json,
    notice: str | None,
) -> int:
    """Register the version and, by the verdict, make it live: one transaction, with its event.

    Returns the version's number. Raises LostLease, and Conflict (live_version_changed) when another
    version went live since the verdict: judge again.
    """
    row = WORK.done(session, claimed)
    classifier = session.get_one(
        Classifier, row.classifier_id, with_for_update=True, populate_existing=True
    )
    made = versions.register(session, classifier, row.id, version, verdict)
    row.version, row.promoted = made.number, verdict.promoted
    row.metrics, row.notice, row.message = metrics, notice, verdict.reason
    shown = versions.resource(classifier, made, settings.public_url)
    event = "model.promoted" if verdict.promoted else "model.rejected"
    outbound.emit(session, classifier.workspace_id, event, {**shown, "reason": verdict.reason})
    return made.number


def waiting(session: Session) -> int:
    """Return how many runs are queued or under way."""
    return session.execute(select(func.count(TrainingRun.id)).where(WORK.unfinished())).scalar_one()
