"""Adding pictures: files, folders and zips, by script in batches or by a plain form at once."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import classifiers, imports, uploads
from connector.domain.import_labels import Labeller
from connector.domain.import_loop import Report
from connector.domain.longwork import UNFINISHED
from connector.domain.uploads import Desk, File, Taken
from connector.errors import BadRequest, ColabelError
from connector.web.operations import ARCHIVE_BYTES
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.pictures.pages import RULE, pictures, shared
from connector.web.ui.words import t

IMPORTS = f"{RULE}/imports"
RECENT = 5
WHERE = {"bad_label": "label", "unknown_label": "label"}


@pictures.page(f"{RULE}/add", title="adding.title", role="member")
def add(classifier_id: str) -> ResponseReturnValue:
    """Where pictures are dropped or chosen."""
    return _page(classifier_id, Form.empty(labels=uploads.FOLDERS))


@pictures.action(IMPORTS, limit=ARCHIVE_BYTES)
def take(classifier_id: str) -> ResponseReturnValue:
    """Take some files: all of a plain form, or the next batch of a script."""
    _look(classifier_id)
    # Read here: no connection is held while the files come in.
    form = Form.sent()
    try:
        files, labels = _files(), _labeller(classifier_id, form)
    except ColabelError as error:
        if _by_script():
            raise
        form.refuse(error, WHERE)
        return _page(classifier_id, form)
    here = services()
    desk = Desk(
        here.database,
        here.blobs,
        here.settings,
        here.quotas,
        visitors.workspace_id(),
        classifier_id,
    )
    taken = desk.take(files, labels)
    if _by_script():
        return _told(taken)
    if len(taken.imports) == len(files) == 1:
        return go("pictures.imported", classifier_id=classifier_id, import_id=taken.imports[0].id)
    return _page(classifier_id, Form.empty(labels=form["labels"]), taken.report)


@pictures.page(f"{IMPORTS}/<import_id>", title="adding.import", role="reviewer")
def imported(classifier_id: str, import_id: str) -> ResponseReturnValue:
    """One zip: how far it is, and what was skipped."""
    return page("pictures/import.html", **_import(classifier_id, import_id))


@pictures.part(f"{IMPORTS}/<import_id>/state")
def import_state(classifier_id: str, import_id: str) -> ResponseReturnValue:
    """How far it is now."""
    return live("pictures/import_state.html", **_import(classifier_id, import_id))


def _by_script() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) != "text/html"


def _files() -> list[File]:
    """The files of the form, each with the path that its browser or our script tells."""
    sent = [one for one in request.files.getlist("file") if one.filename]
    if not sent:
        raise BadRequest(t("adding.choose_first"), code="no_files")
    paths = request.form.getlist("path")
    names = paths if len(paths) == len(sent) else [one.filename or "" for one in sent]
    return [
        File(name.replace("\\", "/").lstrip("/"), one.stream)
        for name, one in zip(names, sent, strict=True)
    ]


def _told(taken: Taken) -> ResponseReturnValue:
    """What the script adds up."""
    report = taken.report
    return {
        "added": report.added,
        "known": report.duplicates,
        "changed": report.labelled + report.relabelled,
        "zips": len(taken.imports),
        "skipped": [{"name": one.name, "reason": one.reason} for one in report.problems],
    }


def _look(classifier_id: str) -> None:
    with services().database.read() as session:
        own_classifier(session, classifier_id)


def _labeller(classifier_id: str, form: Form) -> Labeller:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        return uploads.labeller(session, classifier, form["labels"], form["label"])


def _page(classifier_id: str, form: Form, report: Report | None = None) -> ResponseReturnValue:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        context = {
            "labels": classifiers.labels(session, classifier),
            "recent": imports.list_imports(session, classifier, limit=RECENT).items,
            **shared(classifier),
        }
    return page("pictures/add.html", status=form.status, form=form, report=report, **context)


def _import(classifier_id: str, import_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = imports.get_import(session, classifier, import_id)
        told = imports.resource(session, row, "")
    return {
        **shared(classifier),
        "row": row,
        "problems": told["problems"],
        "notes": told["notes"],
        "busy": row.status in UNFINISHED,
    }
