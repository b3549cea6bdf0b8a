"""Addresses that are called once a picture is decided, added after it came in."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector.db.tables import Prediction
from connector.domain import predictions, resources
from connector.domain.outbound import Emitter
from connector.errors import Conflict

# A picture that is sent again brings one more; without an end, that would be a way to flood.
MOST = 20
DECIDED = ("done", "failed")


def add(
    session: Session, workspace_id: str, prediction_id: str, url: str, public_url: str
) -> Prediction:
    """Call `url` when the prediction is decided: at once if it is, and never twice for one answer.

    The address is checked before (`connector.fetch.check_url`). Raises NotFound, and Conflict when
    there are too many.
    """
    row = predictions.get(session, workspace_id, prediction_id)
    # Whoever decides holds the row too: so either they see this address, or we their answer.
    session.refresh(row, with_for_update=True)
    if url in row.to_call_back:
        return row
    if len(row.to_call_back) >= MOST:
        raise Conflict(
            f"{MOST} addresses are called for this prediction already, and more are not taken; "
            "subscribe to prediction.completed instead (POST /api/v1/webhooks).",
            code="too_many_callbacks",
        )
    if row.callback_url is None:
        row.callback_url = url
    else:
        row.callbacks = [*(row.callbacks or []), url]
    if row.status in DECIDED:
        shown = resources.prediction(session, row, public_url)
        Emitter(session, workspace_id).call_back("prediction.completed", shown, url)
    session.flush()
    return row
