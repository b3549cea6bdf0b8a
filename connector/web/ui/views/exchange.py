"""Exports of a classifier's pictures for other tools, and imports of what those tools export."""

from __future__ import annotations

from functools import partial
from typing import IO

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import classifiers, exchange_imports, exports, imports, label_studio
from connector.domain.exchange_imports import CREATE, KNOWN, Options
from connector.domain.exports import Wanted
from connector.errors import BadRequest, ColabelError
from connector.web.exporting import export_response
from connector.web.operations import ARCHIVE_BYTES
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

exchange = Pages("exchange", __name__)
RULE = "/classifiers/<classifier_id>/exchange"
RECENT = 5
WHERE = {
    "empty_body": "file",
    "no_files": "file",
    "no_labels_file": "file",
    "not_a_zip": "pictures",
}


@exchange.page(RULE, title="exchange.title", role="member")
def show(classifier_id: str) -> ResponseReturnValue:
    """Both ways, out and in."""
    return _page(classifier_id, Form.empty(fetch="on"))


@exchange.part(f"{RULE}/download", role="member")
def download(classifier_id: str) -> ResponseReturnValue:
    """The file itself, made while it is sent."""
    here, asked = services(), request.args
    only = asked.get("which")
    labelled = {"labelled": True, "unlabelled": False}.get(only or "")
    wanted = Wanted(asked.get("format", exports.ZIP), labelled, asked.get("root", "").strip())
    where = here.database, here.blobs, here.settings
    return export_response(
        partial(exports.export, *where, visitors.workspace_id(), classifier_id, wanted)
    )


@exchange.action(f"{RULE}/imports", limit=ARCHIVE_BYTES)
def take(classifier_id: str) -> ResponseReturnValue:
    """Keep the file, and the zip beside it, and lead to how far their import is."""
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    form = Form.sent()
    try:
        here.quotas.take(visitors.workspace_id(), size=request.content_length or 1)
        options = Options(
            KNOWN if form["known"] else CREATE, bool(form["fetch"]), form["control"].strip()
        )
        where = here.database, here.blobs, visitors.workspace_id(), classifier_id
        row = exchange_imports.create(*where, _file(), _sent("pictures"), options)
    except ColabelError as error:
        form.refuse(error, WHERE)
        return _page(classifier_id, form)
    return go("pictures.imported", classifier_id=classifier_id, import_id=row.id)


def _file() -> IO[bytes]:
    sent = _sent("file")
    if sent is None:
        raise BadRequest(t("exchange.choose_first"), code="no_files")
    return sent


def _sent(name: str) -> IO[bytes] | None:
    """Return a file of the form; a field that was left empty comes without a name."""
    file = request.files.get(name)
    return file.stream if file is not None and file.filename else None


def _page(classifier_id: str, form: Form) -> ResponseReturnValue:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        names = [one.name for one in classifiers.labels(session, classifier)]
        context = {
            "classifier": classifier,
            "labels": names,
            "configuration": label_studio.configuration(names),
            "recent": imports.list_imports(session, classifier, limit=RECENT).items,
        }
    return page("exchange/show.html", status=form.status, form=form, **context)
