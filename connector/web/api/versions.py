"""Model versions: looked at, put live, taken along as one ONNX file."""

from __future__ import annotations

import json

from flask.typing import ResponseReturnValue

from connector.domain import versions as domain
from connector.web.answers import bytes_response
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.reading import read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.classifiers import Report, Version, VersionPage
from connector.web.services import services

versions = Api("versions", __name__, tag="Training")
COLLECTION = f"{CLASSIFIER}/versions"
# Nine digits: what fits the database's integers.
ONE = f"{COLLECTION}/<int(max=999999999):number>"


@versions.operation(
    "GET",
    COLLECTION,
    "List model versions",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", VersionPage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """Versions never change and are never renumbered."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_versions(session, classifier, cursor=query.cursor, limit=query.limit)
        shown = [domain.resource(classifier, row, public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@versions.operation(
    "GET",
    ONE,
    "Show a model version",
    scope="read",
    answers={200: Answer("The version and its scores", Version)},
)
def show(classifier_id: str, number: int) -> ResponseReturnValue:
    """With its thresholds: below a label's, a person is asked."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.version(session, classifier, number)
        return domain.resource(classifier, row, public_url())


@versions.operation(
    "GET",
    f"{ONE}/report",
    "Show how good a version is",
    scope="read",
    answers={200: Answer("The report", Report)},
    errors=(409,),
)
def report(classifier_id: str, number: int) -> ResponseReturnValue:
    """Everything on pictures that it never learned from: the headline with its interval, confusion
    with the pictures in each cell, per label, calibration, risk against coverage, the worst
    mistakes, likely wrong labels, near-identical pictures, and what to do next.
    """
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.version(session, classifier, number)
        file = domain.report(row)
    return {"version": number, "report": json.loads(here.blobs.read(file))}


@versions.operation(
    "POST",
    f"{ONE}/promote",
    "Put a version live",
    scope="admin",
    answers={200: Answer("Live from now on", Version)},
)
def promote(classifier_id: str, number: int) -> ResponseReturnValue:
    """An older one too; the next training still has to beat what is live then."""
    here = services()
    with here.database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.promote(session, here.settings, classifier, number)
        return domain.resource(classifier, row, public_url())


@versions.operation(
    "GET",
    f"{ONE}/model.onnx",
    "Take the model along",
    scope="read",
    answers={200: Answer("One ONNX file", media_type="application/octet-stream")},
    errors=(409,),
)
def model(classifier_id: str, number: int) -> ResponseReturnValue:
    """Preprocessing inside, labels and thresholds in its metadata: it gives the same answers
    anywhere, with ONNX Runtime alone.
    """
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.version(session, classifier, number)
        name, file = f"{classifier.name} {row.number}.onnx", domain.portable(row)
    return bytes_response(
        here.blobs.open(file),
        size=here.blobs.size(file),
        media_type="application/octet-stream",
        name=name,
        etag=file,
    )
