"""Digests: what is gathered to be told together, and what was."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import digest_sending, resources
from connector.domain import digests as domain
from connector.web.api.common import PREFIX, listed, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_query
from connector.web.schemas.digests import Digest, DigestPage, DigestQuery
from connector.web.services import services

digests = Api("digests", __name__, tag="Rules")
COLLECTION = f"{PREFIX}/digests"


@digests.operation(
    "GET",
    COLLECTION,
    "List digests of alerts",
    scope="read",
    query=DigestQuery,
    answers={200: Answer("A page of them, the newest first", DigestPage)},
)
def list_all() -> ResponseReturnValue:
    """Those that gather (`status=open`), and those that were sent."""
    query = read_query(DigestQuery)
    with services().database.read() as session:
        page = domain.list_digests(session, workspace_id(), **query.model_dump())
        shown = [
            resources.digest(row, digest_sending.summary(session, row.id), public_url())
            for row in page.items
        ]
    return listed(shown, page.next_cursor)


@digests.operation(
    "GET",
    f"{COLLECTION}/<digest_id>",
    "Show a digest of alerts",
    scope="read",
    answers={200: Answer("The digest", Digest)},
)
def show(digest_id: str) -> ResponseReturnValue:
    """Its pictures are at `predictions_url`; undoing one's alert takes it out of an open digest."""
    with services().database.read() as session:
        row = domain.get_digest(session, workspace_id(), digest_id)
        return resources.digest(row, digest_sending.summary(session, row.id), public_url())
