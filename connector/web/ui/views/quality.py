"""How good a classifier is, how careful it shall be, and which labels to put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, ModelVersion, TrainingRun
from connector.domain import (
    classifiers,
    labelling,
    overview,
    promises,
    report_pictures,
    report_promises,
    report_tables,
    versions,
)
from connector.errors import ColabelError, NotFound
from connector.web.services import services
from connector.web.ui import charts, flashes, reports, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page, part
from connector.web.ui.shares import between, frequency
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

quality = Pages("quality", __name__)
quality.add_app_template_global(frequency, "frequency")
quality.add_app_template_global(between, "between")
TAB = "/classifiers/<classifier_id>/quality"
AUDIT_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25)
# Rows of the table of labels, before one asks for all.
ROWS = 25
A_PAGE = 48
# Its place among the labels of a report.
LABEL = "int(max=9999)"


@quality.page(TAB, title="tabs.quality")
def show(classifier_id: str) -> ResponseReturnValue:
    """All of it, for the live version."""
    return page("learn/quality.html", **_seen(classifier_id))


@quality.part(f"{TAB}/state")
def state(classifier_id: str) -> ResponseReturnValue:
    """The same, for a page that waits for a report."""
    return live("learn/quality_body.html", **_seen(classifier_id))


@quality.part(f"{TAB}/promise")
def promise_now(classifier_id: str) -> ResponseReturnValue:
    """What is promised now, for a page that waits until that is worked out."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
    return live("learn/promise_now.html", classifier=row, now=_promise(row))


@quality.action(f"{TAB}/promise")
def promise(classifier_id: str) -> ResponseReturnValue:
    """Promise what was chosen from now on."""
    form = request.form
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        try:
            wanted = report_promises.wanted(
                form.get("choice", ""),
                per_label=bool(form.get("per_label")),
                questions=form.get("questions", ""),
            )
            promises.set_promise(session, row, wanted)
        except ColabelError as error:
            if error.code != "bad_promise":
                raise
            flashes.say(error.detail, "bad")
        else:
            flashes.flash("quality.promised")
    return go("quality.show", classifier_id=classifier_id, _anchor="careful")


@quality.action(f"{TAB}/audits")
def audits(classifier_id: str) -> ResponseReturnValue:
    """Have more or fewer automatic answers looked over."""
    text = request.form.get("share", "")
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        try:
            share = None if text == "" else float(text)
            promises.set_audit_share(session, row, share)
        except (ValueError, ColabelError) as error:
            if isinstance(error, ColabelError) and error.code != "bad_audit_share":
                raise
            flashes.flash("quality.bad_share", "bad")
        else:
            flashes.flash("quality.audits_saved")
    return go("quality.show", classifier_id=classifier_id, _anchor="field")


@quality.action(f"{TAB}/settle")
def settle(classifier_id: str) -> ResponseReturnValue:
    """Give near-identical pictures one label."""
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        label = classifiers.find_label(session, row, request.form.get("label", "")).name
        labelling.label_examples(session, row, request.form.getlist("example"), label)
    flashes.flash("quality.settled", label=label)
    return go("quality.show", classifier_id=classifier_id, _anchor="contrary")


@quality.page(f"{TAB}/cells/<{LABEL}:given>/<{LABEL}:answered>", title="quality.cell")
def cell(classifier_id: str, given: int, answered: int) -> ResponseReturnValue:
    """The pictures of one label that got one answer; a part of the page where htmx asks."""
    start = request.args.get("from", 0, int)
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        version = versions.live(session, row)
    report = reports.of_version(version)
    if version is None or report is None or max(given, answered) >= len(report["labels"]):
        raise NotFound(t("errors.no_page"))
    found = report_tables.cell(report, given, answered)
    hashes = [] if found is None else found["pictures"]
    shown = hashes[max(0, start) : max(0, start) + A_PAGE]
    with services().database.read() as session:
        known = report_pictures.shots(session, row, shown)
    names = report_tables.present_names(row, version.number)
    context: dict[str, Any] = {
        "classifier": row,
        "given": names(report["labels"][given]),
        "answered": names(report["labels"][answered]),
        "right": given == answered,
        "count": 0 if found is None else found["count"],
        "listed": len(hashes),
        "shots": [known[sha] for sha in shown if sha in known],
        "following": start + A_PAGE if start + A_PAGE < len(hashes) else None,
        "where": {"given": given, "answered": answered},
    }
    if visitors.is_htmx():
        return part("learn/cell_part.html", **context)
    return page("learn/cell.html", **context)


def _seen(classifier_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        glance = overview.glance(session, visitors.workspace_id(), classifier_id)
        run = _run(session, glance.live)
    report = reports.of_version(glance.live)
    context: dict[str, Any] = {
        "classifier": glance.row,
        "classifier_id": classifier_id,
        "glance": glance,
        "version": glance.live,
        "report": report,
        "state": _state(glance.live, report),
    }
    if report is None or glance.live is None:
        return context
    seen = 0 if run is None else run.changes_seen or 0
    return context | {
        "changes": 0 if run is None else max(0, glance.row.changes - seen),
        **_about(glance.row, glance.live, report),
        **_careful(glance.row, report),
        "labels": list(glance.counts),
    }


def _run(session: Session, version: ModelVersion | None) -> TrainingRun | None:
    if version is None or version.run_id is None:
        return None
    return session.get(TrainingRun, version.run_id)


def _state(version: ModelVersion | None, report: Mapping[str, Any] | None) -> str:
    """none, writing (the report), no_report (and none to come), unjudged or judged."""
    if version is None:
        return "none"
    if report is None:
        return "writing" if version.portable_sha256 is None else "no_report"
    return "judged" if report["headline"]["count"] else "unjudged"


def _about(row: Classifier, version: ModelVersion, report: Mapping[str, Any]) -> dict[str, Any]:
    """The tables, and the pictures that a person can settle."""
    names = report_tables.present_names(row, version.number)
    with services().database.read() as session:
        doubts = report_pictures.open_doubts(session, row, report, names)
    rows = report_tables.label_rows(report, names)
    everything = bool(request.args.get("labels"))
    return {
        "doubts": doubts,
        "matrix": report_tables.matrix(report, names),
        "pairs": [
            {**one, "from": names(report["labels"][one["given"]]), "to": names(answer)}
            for one in report_tables.pairs(report)
            for answer in (report["labels"][one["answered"]],)
        ],
        "rows": rows if everything else rows[:ROWS],
        "rows_left": 0 if everything else max(0, len(rows) - ROWS),
        "dots": charts.dots(report),
        "reliability": charts.reliability(report),
    }


def _careful(row: Classifier, report: Mapping[str, Any]) -> dict[str, Any]:
    found = report_promises.choices(report, row)
    chart, marks = charts.careful(report, found)
    return {
        "choices": list(zip(found, marks, strict=True)),
        "position": report_promises.position(row, found),
        "per_label": row.promise["kind"] == promises.PER_LABEL,
        "old_report": "promises" not in report,
        "scratch": report.get("promises") == [],
        "chart": replace(chart, marks=marks),
        "now": _promise(row),
        "audit_share": promises.audit_share(row),
        "audit_shares": sorted({*AUDIT_SHARES, promises.audit_share(row)}),
    }


def _promise(row: Classifier) -> dict[str, Any]:
    """What is promised now: nothing, working (it out), kept, missing (evidence) or broken."""
    kind, point = row.promise["kind"], row.operating
    if kind in (promises.CONFIDENCE, promises.NONE):
        state = kind
    elif promises.is_broken(row):
        state = "broken"
    elif point is None or (row.stale and point["version"] != row.live_version):
        state = "working"
    else:
        state = "kept" if point["kept"] else "missing"
    evidence = (point or {}).get("evidence") or {}
    return {
        "state": state,
        "kind": kind,
        "sentence": promises.describe(row.promise),
        "found": "" if point is None else point["sentence"],
        "more": evidence.get("more_labelled"),
    }
