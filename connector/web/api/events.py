"""Events: what happened last, for those who ask instead of being called."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from connector.domain import recent_events
from connector.errors import Unprocessable
from connector.web.api.common import PREFIX, listed, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_query
from connector.web.schemas.events import EventQuery, RecentEvents
from connector.web.services import services

events = Api("events", __name__, tag="Webhooks")


@events.operation(
    "GET",
    f"{PREFIX}/events",
    "Show what happened last",
    scope="read",
    query=EventQuery,
    answers={200: Answer("Bodies as webhooks would get them, the newest first", RecentEvents)},
)
def list_recent() -> ResponseReturnValue:
    """Whether or not anybody had subscribed: a sample to build on, or to ask for now and then. The
    resources are as they are now. Of a rare label, those among the latest 5,000 are found.
    """
    said = read_query(EventQuery)
    try:
        filters = recent_events.asked(
            classifier_ids=_one(said.classifier_id),
            labels=_one(said.label),
            statuses=_one(said.status),
            min_confidence=said.min_confidence,
            max_confidence=said.max_confidence,
            decided_by=said.decided_by,
        )
    except ValidationError as error:
        raise Unprocessable(f"{error.errors()[0]['msg']}.", code="bad_filter") from error
    with services().database.read() as session:
        query = recent_events.Query(session, workspace_id(), filters, said.limit, public_url())
        return listed(recent_events.recent(query, said.event_type))


def _one(value: str | None) -> list[str] | None:
    return None if value is None else [value]
