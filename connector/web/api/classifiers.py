"""Classifiers: the sorting jobs."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier as Row
from connector.domain import asking
from connector.domain import classifiers as domain
from connector.domain.asking import Overdue
from connector.domain.asking import Wanted as Asked
from connector.web.api.common import CLASSIFIER, PREFIX, listed, own_classifier, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.asking import AskingWanted
from connector.web.schemas.classifiers import (
    Classifier,
    ClassifierCreate,
    ClassifierPage,
    ClassifierQuery,
    ClassifierUpdate,
)
from connector.web.services import services

classifiers = Api("classifiers", __name__, tag="Classifiers")
COLLECTION = f"{PREFIX}/classifiers"


@classifiers.operation(
    "GET",
    COLLECTION,
    "List classifiers",
    scope="read",
    query=ClassifierQuery,
    answers={200: Answer("One page, newest first", ClassifierPage)},
)
def list_all() -> ResponseReturnValue:
    """All classifiers of the workspace, or those of a name."""
    query = read_query(ClassifierQuery)
    with services().database.read() as session:
        page = domain.list_classifiers(session, workspace_id(), **query.model_dump())
        shown = [_shown(session, row) for row in page.items]
    return listed(shown, page.next_cursor)


@classifiers.operation(
    "POST",
    COLLECTION,
    "Make a classifier",
    scope="admin",
    model=ClassifierCreate,
    answers={201: Answer("Made", Classifier)},
    errors=(409,),
)
def create() -> ResponseReturnValue:
    """Labels may also come later, with the examples."""
    wanted = read_json(ClassifierCreate)
    with services().database.write() as session:
        row = domain.create_classifier(
            session, workspace_id(), name=wanted.name, recipe=wanted.recipe, labels=wanted.labels
        )
        shown = _shown(session, row)
    return shown, 201, {"Location": shown["url"]}


@classifiers.operation(
    "GET",
    CLASSIFIER,
    "Show a classifier",
    scope="read",
    answers={200: Answer("The classifier", Classifier)},
)
def show(classifier_id: str) -> ResponseReturnValue:
    """With its labels, how well it does, and the address of its hook."""
    with services().database.read() as session:
        return _shown(session, own_classifier(session, classifier_id))


@classifiers.operation(
    "PATCH",
    CLASSIFIER,
    "Change a classifier",
    scope="admin",
    model=ClassifierUpdate,
    answers={200: Answer("The classifier as it is now", Classifier)},
    errors=(409,),
)
def change(classifier_id: str) -> ResponseReturnValue:
    """What is absent stays as it is; labels are added, never taken away."""
    wanted = read_json(ClassifierUpdate)
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        domain.update_classifier(
            session,
            row,
            name=wanted.name,
            threshold=wanted.threshold,
            clear_threshold="threshold" in wanted.model_fields_set and wanted.threshold is None,
            labels=wanted.labels or (),
            promise=wanted.promise.model_dump(exclude_none=True) if wanted.promise else None,
            audit_share=wanted.audit_share,
            clear_audit_share="audit_share" in wanted.model_fields_set
            and wanted.audit_share is None,
            auto_train=wanted.auto_train,
            sides_matter=wanted.sides_matter,
            retention_days=wanted.retention_days,
            clear_retention="retention_days" in wanted.model_fields_set
            and wanted.retention_days is None,
        )
        if wanted.asking is not None:
            asking.save(session, row, _asked(wanted.asking))
        elif "asking" in wanted.model_fields_set:
            asking.follow_default(session, row)
        return _shown(session, row)


@classifiers.operation(
    "DELETE",
    CLASSIFIER,
    "Delete a classifier",
    scope="admin",
    answers={204: Answer("Deleted")},
)
def delete(classifier_id: str) -> ResponseReturnValue:
    """It takes no more pictures; predictions made with it can still be read."""
    with services().database.write() as session:
        domain.delete_classifier(session, own_classifier(session, classifier_id))
    services().hooks.forget(classifier_id)
    return "", 204


def _shown(session: Session, row: Row) -> dict[str, Any]:
    shown = domain.summary(session, row, public_url())
    return {**shown, "asking": asking.resource(asking.of(session, row))}


def _asked(wanted: AskingWanted) -> Asked:
    return Asked(
        channel=wanted.slack_channel,
        enabled=wanted.enabled,
        most_open=wanted.most_open,
        overdue_hours=wanted.overdue_hours,
        overdue=Overdue(**wanted.overdue.model_dump()),
    )
