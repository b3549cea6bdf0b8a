"""Labels and pictures for other tools, and from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from flask import Response, request
from flask.typing import ResponseReturnValue

from connector.domain import classifiers, exchange_imports, exports, imports, label_studio
from connector.domain.exchange_imports import Options
from connector.domain.exports import Wanted
from connector.errors import BadRequest
from connector.web.api.common import CLASSIFIER, own_classifier, public_url
from connector.web.auth import workspace_id
from connector.web.exporting import export_response
from connector.web.operations import Answer, Api
from connector.web.reading import (
    check_model,
    form_fields,
    is_multipart,
    read_query,
    spooled_body,
)
from connector.web.schemas.classifiers import Import
from connector.web.schemas.exchange import ExchangeQuery, ExportQuery
from connector.web.services import services

exchange = Api("exchanges", __name__, tag="Examples")
EXAMPLES = f"{CLASSIFIER}/examples"


@exchange.operation(
    "GET",
    f"{EXAMPLES}/export",
    "Export pictures and labels",
    scope="read",
    query=ExportQuery,
    answers={200: Answer("A zip, a table or tasks, while it is made", media_type="*/*")},
    errors=(503,),
)
def export(classifier_id: str) -> ResponseReturnValue:
    """All pictures, or those with or without a label. Its length is not known beforehand; one that
    ends early is no whole zip or JSON.
    """
    query, here = read_query(ExportQuery), services()
    wanted = Wanted(query.format, query.labelled, query.image_root)
    where = here.database, here.blobs, here.settings
    return export_response(partial(exports.export, *where, workspace_id(), classifier_id, wanted))


@exchange.operation(
    "GET",
    f"{EXAMPLES}/label-studio.xml",
    "Show the labelling configuration for Label Studio",
    scope="read",
    answers={200: Answer("To be pasted into a project's settings", media_type="application/xml")},
)
def configuration(classifier_id: str) -> ResponseReturnValue:
    """With the classifier's labels as choices; exported tasks fit it."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        names = [one.name for one in classifiers.labels(session, classifier)]
    return Response(label_studio.configuration(names), content_type="application/xml")


@exchange.operation(
    "POST",
    f"{EXAMPLES}/imports",
    "Import labels from another tool",
    scope="ingest",
    body="labels",
    query=ExchangeQuery,
    answers={202: Answer("Queued; GET it for its progress", Import)},
    errors=(429, 503, 507),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """JSON or JSON-MIN of Label Studio, a CSV, or a zip that holds one of them beside pictures: as
    the file `file` of a form, with a zip of pictures in `pictures` if there is one, or as the raw
    body. Pictures are found by their SHA-256, in the zip, at their address, or by their name.
    """
    query, here = read_query(ExchangeQuery), services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    here.quotas.take(workspace_id(), size=request.content_length or 1)
    with _files(query) as (file, pictures, said):
        options = Options(said.new_labels, said.fetch, said.control)
        where = here.database, here.blobs, workspace_id(), classifier_id
        row = exchange_imports.create(*where, file, pictures, options)
    with here.database.read() as session:
        shown = imports.resource(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


@contextmanager
def _files(
    query: ExchangeQuery,
) -> Iterator[tuple[IO[bytes], IO[bytes] | None, ExchangeQuery]]:
    """Give the file of labels, the zip of pictures beside it, and what is said of them."""
    if not is_multipart():
        with spooled_body() as body:
            yield body, None, query
        return
    said = check_model(ExchangeQuery, query.model_dump() | dict(form_fields()))
    file, pictures = request.files.get("file"), request.files.get("pictures")
    if file is None:
        raise BadRequest(
            "There is no file of labels in this form; send it as the file named file.",
            code="empty_body",
        )
    yield file.stream, None if pictures is None else pictures.stream, said
