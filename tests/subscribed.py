"""Subscriptions in every state for tests of pages, with a log of what was sent to one of them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from connector.db.tables import Delivery, DeliveryAttempt, Endpoint, Event, Webhook
from connector.db.types import utcnow
from connector.domain import outbound
from connector.ids import first_id, new_id

REASON = "Every delivery has failed for 5 days. Last: The receiver answered 500."


def subscriptions(session: Session, workspace_id: str) -> dict[str, str]:
    """One that does well, one that fails and one that is off; return the ids of the failing one's.

    Their addresses lead nowhere, and what they are told of does not happen by itself in a test.
    """
    well = _add(session, workspace_id, "https://well.invalid/colabel")
    _sent(session, well, "model.promoted", [200], ago=35)
    failing = _add(session, workspace_id, "https://shop.invalid/orders/colabel?token=of-the-tests")
    failing.filters = {"labels": ["red"], "min_confidence": 0.9, "decided_by": "model"}
    _sent(session, failing, "prediction.completed", [200], ago=45)
    _sent(session, failing, "review.requested", [500, 500, None], "failed", ago=40)
    last = _sent(session, failing, "prediction.completed", [503], "cancelled", ago=5)
    moment = utcnow()
    session.add(Endpoint(key=failing.id, failures=3, failing_since=moment - timedelta(minutes=40)))
    off = _add(session, workspace_id, "https://gone.invalid/")
    off.disabled_reason = REASON
    session.flush()
    return {"webhook_id": failing.id, "delivery_id": last.id}


def _add(session: Session, workspace_id: str, url: str) -> Webhook:
    types = ("model.rejected", "promise.broken", "action.failed")
    return outbound.create_webhook(session, workspace_id, outbound.Subscription(url, types))


def _sent(
    session: Session,
    webhook: Webhook,
    event_type: str,
    answers: list[int | None],
    status: str = "delivered",
    *,
    ago: int,
) -> Delivery:
    """A delivery that is over, after attempts that were answered so (None: not at all).

    It was made `ago` minutes ago.
    """
    moment = utcnow() - timedelta(minutes=ago)
    # As `new_id` would have made it then: ids sort by time.
    made = first_id("dlv", moment)[:14] + new_id("dlv")[14:]
    payload = {"id": "pred_of_the_tests", "label": "red", "confidence": 0.97}
    event = Event(workspace_id=webhook.workspace_id, type=event_type, payload=payload)
    session.add(event)
    session.flush()
    row = Delivery(
        id=made,
        created_at=moment,
        event_id=event.id,
        webhook_id=webhook.id,
        url=webhook.url,
        endpoint=webhook.id,
        status=status,
        attempts=len(answers),
        response_status=answers[-1],
        error=_error(answers[-1]),
        finished_at=moment,
    )
    session.add(row)
    session.flush()
    session.add_all(
        DeliveryAttempt(
            delivery_id=row.id,
            started_at=moment,
            duration_ms=80 + 7 * number,
            response_status=answer,
            error=_error(answer),
        )
        for number, answer in enumerate(answers)
    )
    session.flush()
    return row


def _error(answer: int | None) -> str | None:
    if answer is None:
        return "shop.invalid did not answer in time; try again later."
    return None if answer < 300 else f"The receiver answered {answer}."
