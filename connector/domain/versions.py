"""Model versions: never changed once made, only put live or taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, ModelVersion
from connector.db.types import Json
from connector.domain import audit_log, outbound, promises, resources
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import Conflict, NotFound
from connector.ids import new_id
from connector.settings import Settings

BY_A_PERSON = "A person put it live."


@dataclass(frozen=True)
class NewVersion:
    """A trained model whose files are kept already, as blobs by their hashes."""

    kind: str
    labels: tuple[str, ...]
    thresholds: dict[str, float]
    card: Json
    metrics: Json
    backbone_sha256: str
    head_sha256: str
    unlike_sha256: str | None


@dataclass(frozen=True)
class Verdict:
    """Whether a new version goes live, why, and against which live version that was judged."""

    promoted: bool
    reason: str
    judged_against: int | None


def judge(live: ModelVersion | None, new: float | None, old: float | None, count: int) -> Verdict:
    """Decide by accuracy (0..1) on the same `count` held-out pictures, scored by both models.

    The new model goes live unless the live one is better: at equal accuracy it knows more examples.
    None means that a model could not be scored.
    """
    if live is None:
        return Verdict(True, "It is the first version, so it went live.", None)
    against = f"version {live.number}, on the same {count} held-out pictures"
    if new is None or old is None:
        return Verdict(
            True, "Nothing could be held out to compare with; it went live.", live.number
        )
    if new >= old:
        return Verdict(
            True, f"It has {new:.1%} right, against {old:.1%} by {against}.", live.number
        )
    return Verdict(
        False,
        f"It has only {new:.1%} right, against {old:.1%} by {against}; that one stays live.",
        live.number,
    )


def register(
    session: Session, classifier: Classifier, run_id: str, new: NewVersion, verdict: Verdict
) -> ModelVersion:
    """Write version n+1 and put it live if the verdict says so; the classifier must be locked.

    Raises Conflict (live_version_changed) when another version is live than the verdict was about.
    """
    if classifier.live_version != verdict.judged_against:
        raise Conflict(
            "Another version went live while this one was trained; it is judged again.",
            code="live_version_changed",
            permanent=False,
        )
    row = ModelVersion(
        id=new_id("ver"),
        classifier_id=classifier.id,
        number=next_number(session, classifier),
        run_id=run_id,
        kind=new.kind,
        labels=list(new.labels),
        thresholds=new.thresholds,
        card=new.card,
        metrics=new.metrics,
        backbone_sha256=new.backbone_sha256,
        head_sha256=new.head_sha256,
        unlike_sha256=new.unlike_sha256,
    )
    session.add(row)
    if verdict.promoted:
        _note_live(session, classifier, row)
        classifier.live_version = row.number
    session.flush()
    return row


def next_number(session: Session, classifier: Classifier) -> int:
    """Return the number that the next version gets."""
    highest = select(func.max(ModelVersion.number)).where(
        ModelVersion.classifier_id == classifier.id
    )
    return (session.execute(highest).scalar() or 0) + 1


def promote(
    session: Session, settings: Settings, classifier: Classifier, number: int
) -> ModelVersion:
    """Put any version live at once: one row changes, nothing else. Raises NotFound."""
    row = version(session, classifier, number)
    locked = session.get_one(Classifier, classifier.id, with_for_update=True)
    if locked.live_version != number:
        _note_live(session, locked, row)
        locked.live_version = number
        promises.went_live(session, locked, row, None)
        shown = resource(locked, row, settings.public_url)
        told = {**shown, "reason": BY_A_PERSON}
        outbound.emit(session, locked.workspace_id, "model.promoted", told)
    return row


def _note_live(session: Session, classifier: Classifier, row: ModelVersion) -> None:
    before, after = {"live_version": classifier.live_version}, {"live_version": row.number}
    audit_log.note_in(session, classifier, "version.promoted", row.id, before=before, after=after)


def version(session: Session, classifier: Classifier, number: int) -> ModelVersion:
    """Return one version. Raises NotFound."""
    statement = select(ModelVersion).where(
        ModelVersion.classifier_id == classifier.id, ModelVersion.number == number
    )
    row = session.scalars(statement).first()
    if row is None:
        raise NotFound(f"{classifier.name!r} has no version {number}.")
    return row


def live(session: Session, classifier: Classifier) -> ModelVersion | None:
    """Return the version that answers now, or None before the first training."""
    if classifier.live_version is None:
        return None
    return version(session, classifier, classifier.live_version)


def portable(row: ModelVersion) -> str:
    """Return the hash of the version's portable file. Raises Conflict while it is being made."""
    if row.portable_sha256 is None:
        raise Conflict(
            f"The file of version {row.number} is still being written; ask again in a moment.",
            code="model_file_not_ready",
            permanent=False,
        )
    return row.portable_sha256


def report(row: ModelVersion) -> str:
    """Return the hash of the version's report. Raises Conflict while there is none."""
    if row.report_sha256 is None:
        if row.portable_sha256 is not None:
            raise Conflict(
                f"Version {row.number} was made by an earlier release, which wrote no report; "
                "train again.",
                code="no_report",
            )
        raise Conflict(
            f"The report of version {row.number} is still being written; ask again in a moment.",
            code="report_not_ready",
            permanent=False,
        )
    return row.report_sha256


def list_versions(
    session: Session,
    classifier: Classifier,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ModelVersion]:
    """Return versions, newest first. Raises BadRequest for bad paging."""
    statement = select(ModelVersion).where(ModelVersion.classifier_id == classifier.id)
    return page(session, statement, ModelVersion.id, cursor=cursor, limit=limit)


def resource(classifier: Classifier, row: ModelVersion, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values."""
    base = f"{public_url}/api/v1/classifiers/{row.classifier_id}/versions/{row.number}"
    return {
        "number": row.number,
        "classifier_id": row.classifier_id,
        "kind": row.kind,
        "backbone": row.card.get("backbone"),
        "weights_source": row.card.get("weights_source"),
        "live": row.number == classifier.live_version,
        "labels": row.labels,
        "thresholds": row.thresholds,
        "metrics": row.metrics,
        "model_url": f"{base}/model.onnx",
        "created_at": resources.iso(row.created_at),
    }
