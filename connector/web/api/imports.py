"""Imports: many labelled pictures at once, in a zip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import imports as domain
from connector.errors import BadRequest
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import (
    check_model,
    form_fields,
    is_multipart,
    read_query,
    spooled_body,
)
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
    errors=(429, 503, 507),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """The zip is the file `file` of a multipart form, or the raw body. Pictures that are there
    already are counted and not doubled; files that cannot be read are listed and skipped.
    """
    query = read_query(ImportQuery)
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    here.quotas.take(workspace_id(), size=request.content_length or 1)
    with _archive(query) as (archive, labels):
        row = domain.create_import(
            here.database, here.blobs, workspace_id(), classifier_id, archive, labels
        )
    with here.database.read() as session:
        shown = domain.resource(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


@contextmanager
def _archive(query: ImportQuery) -> Iterator[tuple[IO[bytes], str]]:
    """Give the zip, on disk if it is large, and the mode of its labels."""
    if not is_multipart():
        with spooled_body() as archive:
            yield _not_empty(archive), query.labels
        return
    said = check_model(ImportQuery, query.model_dump() | dict(form_fields()))
    files = [*request.files.getlist("file"), *request.files.values()]
    yield _not_empty(files[0].stream if files else BytesIO()), said.labels


def _not_empty(archive: IO[bytes]) -> IO[bytes]:
    if not archive.read(1):
        raise BadRequest(
            "There is no zip in this request; send it as the file named file of a multipart form, "
            "or as the raw body.",
            code="empty_body",
        )
    archive.seek(0)
    return archive


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
