"""S3 sources: what to paste at a store, and what it holds already."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Source
from connector.domain import backfills, source_names
from connector.domain.s3_setup import set_up
from connector.web.api.common import listed, own_classifier, public_url
from connector.web.api.sources import ONE
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.s3 import Backfill, BackfillCreate, BackfillPage, SetUp
from connector.web.services import services

s3 = Api("s3", __name__, tag="Sources")
BACKFILLS = f"{ONE}/backfills"


def _own(session: Session, classifier_id: str, source_id: str) -> tuple[Classifier, Source]:
    classifier = own_classifier(session, classifier_id)
    return classifier, source_names.get_source(session, classifier, source_id)


@s3.operation(
    "GET",
    f"{ONE}/set-up",
    "Show what to paste at a store",
    scope="admin",
    answers={200: Answer("Policies, notifications and commands", SetUp)},
    errors=(409,),
)
def show_set_up(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Filled in with the names of this source: for SNS, SQS, EventBridge and MinIO."""
    with services().database.read() as session:
        _, row = _own(session, classifier_id, source_id)
        return set_up(row, public_url())


@s3.operation(
    "POST",
    BACKFILLS,
    "Take what a bucket holds already",
    scope="admin",
    model=BackfillCreate,
    answers={202: Answer("Queued; GET it to see how far it is", Backfill)},
    errors=(409,),
)
def begin(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Every object that the source's filters take, by key. What came by an event is not taken
    twice. It goes on after a restart, and waits while a quota, the store or a pause stops it.
    """
    wanted = read_json(BackfillCreate)
    with services().database.write() as session:
        classifier, row = _own(session, classifier_id, source_id)
        made = backfills.begin(session, row, bucket=wanted.bucket, prefix=wanted.prefix)
        shown = backfills.resource(made, classifier, public_url())
    return shown, 202, {"Location": shown["url"]}


@s3.operation(
    "GET",
    BACKFILLS,
    "List back-fills",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", BackfillPage)},
)
def list_all(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """With how far each is."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        classifier, row = _own(session, classifier_id, source_id)
        page = backfills.list_all(session, row, cursor=query.cursor, limit=query.limit)
        shown = [backfills.resource(one, classifier, public_url()) for one in page.items]
    return listed(shown, page.next_cursor)


@s3.operation(
    "GET",
    f"{BACKFILLS}/<backfill_id>",
    "Show a back-fill",
    scope="read",
    answers={200: Answer("How far it is", Backfill)},
)
def show(classifier_id: str, source_id: str, backfill_id: str) -> ResponseReturnValue:
    """What came of it so far, and why it waits when it does."""
    with services().database.read() as session:
        classifier, row = _own(session, classifier_id, source_id)
        found = backfills.get(session, row, backfill_id)
        return backfills.resource(found, classifier, public_url())


@s3.operation(
    "POST",
    f"{BACKFILLS}/<backfill_id>/stop",
    "Stop a back-fill",
    scope="admin",
    answers={200: Answer("The back-fill as it is now", Backfill)},
)
def stop(classifier_id: str, source_id: str, backfill_id: str) -> ResponseReturnValue:
    """It takes nothing more; what it took stays. Another one goes through all keys again."""
    with services().database.write() as session:
        classifier, row = _own(session, classifier_id, source_id)
        found = backfills.get(session, row, backfill_id)
        backfills.stop(session, found)
        return backfills.resource(found, classifier, public_url())
