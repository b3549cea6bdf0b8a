"""Imports: many labelled pictures at once, in a zip."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import imports as domain
from connector.errors import BadRequest
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.reading import check_model, form_fields, is_multipart, raw_body, read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.classifiers import Import, ImportPage, ImportQuery
from connector.web.services import services

imports = Api("imports", __name__, tag="Examples")
COLLECTION = f"{CLASSIFIER}/imports"


@imports.operation(
    "GET",
    COLLECTION,
    "List imports",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", ImportPage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """With what was skipped in each."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_imports(session, classifier, cursor=query.cursor, limit=query.limit)
        shown = [domain.resource(session, row, public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@imports.operation(
    "POST",
    COLLECTION,
    "Import a zip of sorted pictures",
    scope="ingest",
    body="archive",
    query=ImportQuery,
    answers={202: Answer("Queued; GET it for its progress", Import)},
)
def create(classifier_id: str) -> ResponseReturnValue:
    """The zip is the file `file` of a multipart form, or the raw body. Pictures that are there
    already are counted and not doubled; files that cannot be read are listed and skipped.
    """
    query = read_query(ImportQuery)
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    data, labels = _archive(query)
    with here.database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.create_import(session, here.blobs, classifier, data, labels)
        shown = domain.resource(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


def _archive(query: ImportQuery) -> tuple[bytes, str]:
    if not is_multipart():
        return _not_empty(raw_body()), query.labels
    said = check_model(ImportQuery, query.model_dump() | dict(form_fields()))
    files = [*request.files.getlist("file"), *request.files.values()]
    return _not_empty(files[0].stream.read() if files else b""), said.labels


def _not_empty(data: bytes) -> bytes:
    if not data:
        raise BadRequest(
            "There is no zip in this request; send it as the file named file of a multipart form, "
            "or as the raw body.",
            code="empty_body",
        )
    return data


@imports.operation(
    "GET",
    f"{COLLECTION}/<import_id>",
    "Show an import",
    scope="read",
    answers={200: Answer("Its progress, and the files that were skipped", Import)},
)
def show(classifier_id: str, import_id: str) -> ResponseReturnValue:
    """With the reason for each skipped file (the first thousand)."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_import(session, classifier, import_id)
        return domain.resource(session, row, public_url())
