"""What the API and the events show of each thing: one shape for both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.tables import (
    Action,
    Delivery,
    DeliveryAttempt,
    Digest,
    Endpoint,
    Prediction,
    Review,
    Rule,
    Webhook,
)
from connector.domain import conditions

# Said of a prediction whose picture is no longer kept.
DELETED = "The picture was deleted on {day}; its answer is kept."

if TYPE_CHECKING:
    from connector.domain.digest_sending import Summary


def iso(moment: datetime | None) -> str | None:
    """Return ISO 8601 with offset."""
    return moment.isoformat(timespec="milliseconds") if moment is not None else None


def action(row: Action) -> dict[str, Any]:
    """Return what is shown of one action."""
    kind = action_kinds.registry().get(row.kind)
    return {
        "id": row.id,
        "prediction_id": row.prediction_id,
        "rule_id": row.rule_id,
        "rule_version": row.rule_version,
        "kind": row.kind,
        "params": kind.shown(row.params) if kind is not None else row.params,
        "status": row.status,
        "undoable": row.status == "waiting"
        or (row.status == "done" and kind is not None and kind.undoable),
        "undo_requested": row.undo_requested_at is not None and row.pending,
        "detail": {**row.detail, **_in_digest(row)},
        "error": problem(row.error_code, row.error),
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at),
    }


def _in_digest(row: Action) -> dict[str, Any]:
    """Return in which message an alert is told together with others, and when."""
    if row.digest_id is None:
        return {}
    if row.status != "waiting":
        return {"digest_id": row.digest_id}
    when = row.due_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    sentence = f"Waits to be told together with others, in one message to be sent at {when}."
    return {"digest_id": row.digest_id, "waits_until": iso(row.due_at), "waits": sentence}


def digest(row: Digest, about: Summary, public_url: str) -> dict[str, Any]:
    """Return what is shown of a digest."""
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "rule_id": row.rule_id,
        "status": row.status,
        "channel": row.params.get("channel"),
        "count": about.count,
        "labels": dict(about.labels),
        "first_id": iso(about.start),
        "last_at": iso(about.end),
        "due_at": iso(row.due_at),
        "detail": row.detail,
        "error": problem(row.error_code, row.error),
        "predictions_url": f"{public_url}/api/v1/predictions?digest_id={row.id}",
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at),
    }


def problem(code: str | None, sentence: str | None) -> dict[str, str] | None:
    """Return a code and its sentence, or None when nothing went wrong."""
    return {"code": code, "detail": sentence or ""} if code is not None else None


def predictions(
    session: Session, rows: Sequence[Prediction], public_url: str
) -> list[dict[str, Any]]:
    """Return what is shown of these predictions, with two queries however many there are."""
    ids = [row.id for row in rows]
    actions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    statement = select(Action).where(Action.prediction_id.in_(ids)).order_by(Action.sequence)
    for row in session.scalars(statement):
        actions[row.prediction_id].append(action(row))
    pairs = select(Review.prediction_id, Review.id).where(Review.prediction_id.in_(ids))
    reviews: dict[str, str] = dict(session.execute(pairs).all())
    return [_prediction(row, public_url, actions[row.id], reviews.get(row.id)) for row in rows]


def prediction(session: Session, row: Prediction, public_url: str) -> dict[str, Any]:
    """Return what is shown of one prediction."""
    return predictions(session, [row], public_url)[0]


def _prediction(
    row: Prediction,
    public_url: str,
    actions: list[dict[str, Any]],
    review_id: str | None,
) -> dict[str, Any]:
    url = f"{public_url}/api/v1/predictions/{row.id}"
    deleted = row.image_deleted_at
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "status": row.status,
        "label": row.label,
        "confidence": row.confidence,
        "probabilities": row.probabilities,
        "decided_by": row.decided_by,
        "model_version": row.model_version,
        "usual": row.usual,
        "twin_of": row.twin_of,
        "corrected_label": row.corrected_label,
        "review_id": review_id,
        "review_url": f"{public_url}/api/v1/reviews/{review_id}" if review_id else None,
        "external_id": row.external_id,
        "name": row.name,
        "metadata": row.meta,
        "location": row.location,
        "actions": actions,
        "image_url": f"{url}/image" if deleted is None else None,
        "image_deleted_at": iso(deleted),
        "image_note": None if deleted is None else DELETED.format(day=deleted.date()),
        "url": url,
        "error": problem(row.error_code, row.error),
        "created_at": iso(row.created_at),
        "decided_at": iso(row.decided_at),
    }


def decided(
    row: Prediction, public_url: str, actions: Sequence[Action], review_id: str | None
) -> dict[str, Any]:
    """Return what is shown of a prediction whose actions and review are at hand: no query."""
    return _prediction(row, public_url, [action(one) for one in actions], review_id)


def review(row: Review, prediction_row: Prediction, public_url: str) -> dict[str, Any]:
    """Return what is shown of a question to a person."""
    probabilities = prediction_row.probabilities or {}
    return {
        "id": row.id,
        "prediction_id": row.prediction_id,
        "classifier_id": prediction_row.classifier_id,
        "kind": row.kind,
        "state": row.state,
        "code": row.code,
        "reason": row.reason,
        "suggestions": sorted(probabilities, key=lambda name: -probabilities[name]),
        "probabilities": probabilities,
        "label": row.label,
        "answered_by": row.answered_by,
        "name": prediction_row.name,
        "image_url": None
        if prediction_row.image_deleted_at is not None
        else f"{public_url}/api/v1/predictions/{row.prediction_id}/image",
        "url": f"{public_url}/api/v1/reviews/{row.id}",
        "prediction_url": f"{public_url}/api/v1/predictions/{row.prediction_id}",
        "overdue_at": iso(row.overdue_at),
        "created_at": iso(row.created_at),
        "answered_at": iso(row.answered_at),
    }


def rule(row: Rule) -> dict[str, Any]:
    """Return what is shown of a rule."""
    when = conditions.of_rule(row)
    labels = when.get("labels", [])
    return {
        "id": row.rule_id,
        "version": row.version,
        "classifier_id": row.classifier_id,
        "label": labels[0] if len(labels) == 1 else None,
        "when": when,
        "current": row.current,
        "position": row.position,
        "enabled": row.enabled,
        "actions": row.actions,
        "created_at": iso(row.created_at),
    }


def webhook(
    row: Webhook, health: Endpoint | None = None, *, with_secret: bool = False
) -> dict[str, Any]:
    """Return what is shown of a subscription; its secret only when it was just made."""
    shown = {
        "id": row.id,
        "url": row.url,
        "event_types": row.event_types,
        "filters": row.filters,
        "enabled": row.disabled_reason is None,
        "disabled_reason": row.disabled_reason,
        "failures": health.failures if health else 0,
        "failing_since": iso(health.failing_since) if health else None,
        "paused_until": iso(health.open_until) if health else None,
        "previous_secret_until": iso(row.previous_secret_until),
        "created_at": iso(row.created_at),
    }
    return {**shown, "secret": row.secret} if with_secret else shown


def delivery(row: Delivery, event_type: str, tries: Sequence[DeliveryAttempt]) -> dict[str, Any]:
    """Return what is shown of a delivery: each attempt, and nothing secret."""
    return {
        "id": row.id,
        "webhook_id": row.webhook_id,
        "event_id": row.event_id,
        "event_type": event_type,
        "state": row.status,
        "attempts": [
            {
                "started_at": iso(one.started_at),
                "duration_ms": one.duration_ms,
                "status_code": one.response_status,
                "error": one.error,
            }
            for one in tries
        ],
        "next_attempt_at": iso(row.due_at) if row.status == "pending" else None,
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at),
    }
