"""The versions of a classifier's model: over time, side by side, put back, taken along."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import learned, report_pictures, report_tables, studies, versions
from connector.domain.learned import Entry
from connector.errors import ColabelError, NotFound, Unprocessable
from connector.web.answers import bytes_response
from connector.web.services import services
from connector.web.ui import assets, charts, flashes, reports
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

models = Pages("models", __name__)
TAB = "/classifiers/<classifier_id>/models"
ONE = f"{TAB}/<int(max=999999999):number>"
COMPARISON = f"{TAB}/comparisons/<study_id>"
RUNNER = "run_onnx.py.txt"
SHOWN = 12


@models.page(TAB, title="tabs.models")
def show(classifier_id: str) -> ResponseReturnValue:
    """The list, newest first, and how they did over time."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        history = learned.history(session, row, cursor=request.args.get("cursor"))
        numbers = learned.numbers(session, row)
    return page(
        "learn/models.html",
        classifier=row,
        history=history,
        chart=charts.versions(history.entries),
        numbers=numbers,
    )


@models.page(ONE, title="models.one")
def one(classifier_id: str, number: int) -> ResponseReturnValue:
    """One version: what it learned, how it did, what it can be taken along with."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        entry = learned.entry(session, row, number)
    report = reports.of_version(entry.version)
    earlier = reports.of_version(entry.before)
    changes = []
    if report is not None and earlier is not None and entry.before is not None:
        changes = learned.label_changes(
            earlier,
            report,
            report_tables.present_names(row, entry.before.number),
            report_tables.present_names(row, number),
        )
    return page(
        "learn/model.html",
        classifier=row,
        entry=entry,
        report=report,
        changes=changes,
        runner=(assets.FOLDER / RUNNER).read_text("utf-8"),
        runner_url=assets.url(RUNNER),
    )


@models.page(f"{ONE}/put-back", title="models.put_back", role="member")
def ask(classifier_id: str, number: int) -> ResponseReturnValue:
    """What it means to put this version live, before it is done."""
    return page("learn/put_back.html", **_asked(classifier_id, number))


@models.action(f"{ONE}/put-back")
def put_back(classifier_id: str, number: int) -> ResponseReturnValue:
    """Put a version live at once."""
    here = services()
    with here.database.write() as session:
        row = own_classifier(session, classifier_id)
        versions.promote(session, here.settings, row, number)
    flashes.flash("models.is_live", number=number)
    return go("models.show", classifier_id=classifier_id)


@models.part(f"{ONE}/model.onnx")
def file(classifier_id: str, number: int) -> ResponseReturnValue:
    """The whole model as one file."""
    here = services()
    with here.database.read() as session:
        row = own_classifier(session, classifier_id)
        version = versions.version(session, row, number)
        name, kept = f"{row.name} {version.number}.onnx", versions.portable(version)
    return bytes_response(
        here.blobs.open(kept),
        size=here.blobs.size(kept),
        media_type="application/octet-stream",
        name=name,
        etag=kept,
    )


@models.action(f"{TAB}/compare", role="reviewer")
def compare(classifier_id: str) -> ResponseReturnValue:
    """Have two versions compared; a worker looks at what they answered to the same pictures."""
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        try:
            pair = sorted(_number(name) for name in ("older", "newer"))
            if pair[0] == pair[1]:
                raise Unprocessable(t("models.same"), code="same_version")
            for number in pair:
                versions.version(session, row, number)
        except ColabelError as error:
            if error.code not in ("same_version", "no_number"):
                raise
            flashes.say(error.detail, "bad")
            return go("models.show", classifier_id=classifier_id)
        study = studies.request(session, row, studies.COMPARISON, {"versions": pair})
    return go("models.comparison", classifier_id=classifier_id, study_id=study.id)


@models.page(COMPARISON, title="models.comparison")
def comparison(classifier_id: str, study_id: str) -> ResponseReturnValue:
    """What the newer one does differently."""
    return page("learn/comparison.html", **_compared(classifier_id, study_id))


@models.part(f"{COMPARISON}/state")
def comparison_state(classifier_id: str, study_id: str) -> ResponseReturnValue:
    """The same, for a page that waits for it."""
    return live("learn/comparison_body.html", **_compared(classifier_id, study_id))


def _compared(classifier_id: str, study_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        study = studies.get(session, row, study_id)
        if study.kind != studies.COMPARISON:
            raise NotFound(t("errors.no_page"))
        result = study.result or {}
        hashes = [
            one["sha256"]
            for what in ("newly_right", "newly_wrong")
            for one in result.get(what, {"pictures": ()})["pictures"][:SHOWN]
        ]
        shots = report_pictures.shots(session, row, hashes)
    return {
        "classifier": row,
        "study": study,
        "result": study.result,
        "pair": study.params.get("versions", [0, 0]),
        "shots": shots,
        "shown": SHOWN,
    }


def _asked(classifier_id: str, number: int) -> dict[str, Any]:
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        entry = learned.entry(session, row, number)
        current: Entry | None = None
        if row.live_version is not None:
            current = learned.entry(session, row, row.live_version)
    return {"classifier": row, "entry": entry, "current": current}


def _number(name: str) -> int:
    text = request.form.get(name, "")
    if not text.isdecimal() or len(text) > 9:
        raise Unprocessable(t("models.choose_two"), code="no_number")
    return int(text)
