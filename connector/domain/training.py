"""Training runs: asked for, worked on under a lease, and judged before anything goes live."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from connector.db.session import now, want
from connector.db.tables import Classifier, ModelVersion, TrainingRun
from connector.db.types import Json
from connector.domain import (
    aliases,
    audit_log,
    classifiers,
    facts,
    longwork,
    outbound,
    promises,
    resources,
    versions,
)
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.training_sets import TrainingSet, check_examples, training_set
from connector.domain.versions import NewVersion, Verdict
from connector.errors import NotFound
from connector.ids import new_id
from connector.settings import Settings

# Kinds of runs: a head on a frozen backbone takes seconds, fine-tuning the backbone minutes.
HEAD, FINETUNE = "head", "finetune"
KINDS = (HEAD, FINETUNE)


Claimed = longwork.Claimed[TrainingRun]
WORK = longwork.LongWork(
    TrainingRun,
    "training run",
    f"This training ended its worker {longwork.STRIKES} times, most likely for want of memory; "
    "try a smaller COLABEL_BACKBONE or a machine with more memory, then train again.",
)


def request_run(
    session: Session, classifier: Classifier, *, kind: str = HEAD, reason: str = "asked"
) -> TrainingRun:
    """Queue a training run; one that would learn the same is returned instead of a second one.

    That is one that is queued, or one under way that has read all there is to learn. It holds too
    for requests at the same moment: the transaction, which must be a writing one, locks the
    classifier until it ends. Raises Unprocessable (not_enough_examples).
    """
    check_examples(session, classifier)
    row = _queued(session, classifier, kind) or _up_to_date(session, classifier, kind)
    if row is None:
        row = TrainingRun(
            id=new_id("run"),
            classifier_id=classifier.id,
            kind=kind,
            reason=reason,
            notice=facts.weights_notice(session),
        )
        session.add(row)
        session.flush()
    if reason == "asked":
        after = {"kind": kind}
        audit_log.note_in(session, classifier, "training.requested", row.id, after=after)
    want(session, "train")
    return row


def _queued(session: Session, classifier: Classifier, kind: str) -> TrainingRun | None:
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
        _runs(classifier, kind)
        .where(TrainingRun.status == "queued")
        .order_by(TrainingRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(queued).first()


def _up_to_date(session: Session, classifier: Classifier, kind: str) -> TrainingRun | None:
    """Return the run under way that has read every change."""
    changes = session.execute(
        select(Classifier.changes).where(Classifier.id == classifier.id)
    ).scalar_one()
    if not changes:
        # Examples of the first release were not counted: there is no telling.
        return None
    statement = _runs(classifier, kind).where(
        TrainingRun.status == "running", TrainingRun.changes_seen == changes
    )
    return session.scalars(statement.order_by(TrainingRun.id).limit(1)).first()


def _runs(classifier: Classifier, kind: str) -> Select[TrainingRun]:
    return select(TrainingRun).where(
        TrainingRun.classifier_id == classifier.id, TrainingRun.kind == kind
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
        "kind": row.kind,
        "reason": row.reason,
        "status": row.status,
        "step": row.step,
        "done": row.done,
        "total": row.total,
        "remaining_seconds": row.remaining_seconds,
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


def claim_run(session: Session, seconds: float, kind: str | None = None) -> Claimed | None:
    """Claim the oldest run (of that kind) that nobody holds.

    One that killed three workers fails instead.
    """
    conditions = () if kind is None else (TrainingRun.kind == kind,)
    claimed = WORK.claim(session, seconds, *conditions)
    if claimed is not None and claimed.row.started_at is None:
        claimed.row.started_at = now(session)
        session.flush()
    return claimed


def read_set(session: Session, claimed: Claimed) -> TrainingSet:
    """Return what there is to learn now, and note in the run how much that is.

    Raises LostLease.
    """
    row = WORK.held(session, claimed)
    # Before the pictures: what is labelled meanwhile is looked at once more, never missed.
    row.changes_seen = session.execute(
        select(Classifier.changes).where(Classifier.id == row.classifier_id)
    ).scalar_one()
    session.flush()
    return training_set(session, row.classifier_id)


def progress(
    session: Session,
    claimed: Claimed,
    *,
    step: str,
    done: int,
    total: int,
    message: str,
    remaining_seconds: float | None = None,
) -> None:
    """Write how far a run is. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.step, row.done, row.total, row.message = step, done, total, message
    row.remaining_seconds = remaining_seconds


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


def register(
    session: Session,
    settings: Settings,
    claimed: Claimed,
    version: NewVersion,
    verdict: Verdict,
    *,
    operating: Json | None,
    notice: str | None,
) -> int:
    """Register the version and, by the verdict, make it live: one transaction, with its event.

    `operating` holds the thresholds that keep the classifier's promise with this version. The run
    goes on, to write what else belongs to the version (`complete`). Returns its number. Raises
    LostLease, Conflict (live_version_changed) when another version went live since the verdict:
    judge again.
    """
    row = WORK.held(session, claimed)
    classifier = session.get_one(
        Classifier, row.classifier_id, with_for_update=True, populate_existing=True
    )
    made = versions.register(session, classifier, row.id, version, verdict)
    # Labels that were renamed while it learned keep their old names in it.
    classifier.aliases = aliases.covering(classifier.aliases, made.number, row.changes_seen)
    row.version, row.promoted = made.number, verdict.promoted
    # The reason is told again at the end, when the progress that comes now is over.
    row.metrics = made.metrics = {**version.metrics, "verdict": verdict.reason}
    row.notice, row.message = notice, verdict.reason
    if verdict.promoted:
        promises.went_live(session, classifier, made, operating)
    shown = versions.resource(classifier, made, settings.public_url)
    event = "model.promoted" if verdict.promoted else "model.rejected"
    outbound.emit(session, classifier.workspace_id, event, {**shown, "reason": verdict.reason})
    return made.number


def version_made(session: Session, claimed: Claimed) -> ModelVersion:
    """Return the version that a run has registered. Raises LostLease, NotFound."""
    row = session.get_one(TrainingRun, claimed.row.id, populate_existing=True)
    classifier = session.get_one(Classifier, row.classifier_id)
    return versions.version(session, classifier, row.version or 0)


def complete(
    session: Session, claimed: Claimed, *, portable_sha256: str, report_sha256: str, metrics: Json
) -> None:
    """Add what follows a version's birth, and close the run. Raises LostLease."""
    row = WORK.done(session, claimed)
    made = version_made(session, claimed)
    made.portable_sha256, made.report_sha256 = portable_sha256, report_sha256
    row.metrics = made.metrics = {**made.metrics, **metrics}
    row.message = made.metrics.get("verdict")
    row.remaining_seconds = None


def skip(session: Session, claimed: Claimed, reason: str) -> None:
    """Close a run that came to nothing new, and say why. Raises LostLease."""
    row = WORK.done(session, claimed)
    row.message, row.promoted, row.remaining_seconds = reason, False, None


def waiting(session: Session) -> int:
    """Return how many runs are queued or under way."""
    return session.execute(select(func.count(TrainingRun.id)).where(WORK.unfinished())).scalar_one()
