"""Sources: made, set, paused, given new addresses, and looked at."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Source
from connector.domain import backfills, folders, source_events, source_names, watched, ways_in
from connector.domain import sources as domain
from connector.domain.classifiers import FOLDER, HOOK, S3
from connector.domain.longwork import UNFINISHED
from connector.errors import ColabelError
from connector.inbound import folder, s3_settings
from connector.web.services import services
from connector.web.ui import flashes, source_forms, visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, live, page
from connector.web.ui.source_forms import WAYS
from connector.web.ui.views.automate.connect import connect_page
from connector.web.ui.views.automate.pages import (
    SOURCE,
    SOURCES,
    automate,
    change_source,
    own_source,
)
from connector.web.ui.views.classifier import own_classifier

WALKS = 5
GRACES = ("24", "1", "168", "0")


@automate.page(f"{SOURCES}/new", title="sources.new", role="member")
def new_source(classifier_id: str) -> ResponseReturnValue:
    """The ways to connect, and the form of the one that was chosen."""
    way = request.args.get("way", "")
    form = source_forms.start(way) if way in WAYS else Form.empty()
    return _new(classifier_id, form)


@automate.action(f"{SOURCES}/new")
def make_source(classifier_id: str) -> ResponseReturnValue:
    """Make it, and lead on to how it is connected."""
    with services().database.read() as session:
        own_classifier(session, classifier_id)
    form = Form.sent()
    way = WAYS.get(form["way"])
    if way is None:
        return go("automate.new_source", classifier_id=classifier_id)
    settings = source_forms.read(way.kind, way.fields, form)
    try:
        _check_folder(way.kind, settings)
        with services().database.write() as session:
            row = domain.create_source(
                session,
                own_classifier(session, classifier_id),
                name=form["name"],
                settings=settings,
                kind=way.kind,
                take_existing=form["take_existing"] == "on",
                house=services().settings,
            )
    except ColabelError as error:
        source_forms.refuse(form, error)
        return _new(classifier_id, form)
    if settings.get("key"):
        # Only its hash is kept: this once it can be filled in.
        return connect_page(classifier_id, row.id, key=settings["key"])
    flashes.flash("sources.made")
    return go("automate.connect", classifier_id=classifier_id, source_id=row.id)


def _new(classifier_id: str, form: Form) -> ResponseReturnValue:
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
    return page(
        "automate/new_source.html",
        status=form.status,
        classifier=classifier,
        form=form,
        way=form["way"] if form["way"] in WAYS else None,
        ways=WAYS,
        kinds=source_forms.FIELDS,
        may_watch=[str(one) for one in here.settings.folders],
        may_read=sorted(here.settings.buckets),
    )


def _check_folder(kind: str, settings: dict[str, Any]) -> None:
    """Raise Unprocessable for a folder that this workspace may not watch."""
    if kind == FOLDER:
        here = services()
        own = folders.sorted_dir(here.database, here.settings, visitors.workspace_id())
        watched.check_allowed(here.settings, own, Path(folder.checked(settings).path))


@automate.page(SOURCE, title="sources.one")
def source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """What came by it, what went wrong, and all that can be done with it."""
    return _page(classifier_id, source_id)


@automate.part(f"{SOURCE}/state")
def source_state(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """What came by it so far."""
    return live("automate/source_state.html", **_seen(classifier_id, source_id))


@automate.action(f"{SOURCE}/settings")
def set_source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Change its name and its settings."""
    form = Form.sent("key")
    with services().database.read() as session:
        _, row = own_source(session, classifier_id, source_id)
    wanted = Form(dict(request.form.items()))
    settings = source_forms.read(row.kind, source_forms.fields_of(row), wanted)
    try:
        _check_folder(row.kind, settings)
        change_source(
            classifier_id,
            source_id,
            lambda session, classifier, one: domain.update_source(
                session,
                classifier,
                one,
                name=form["name"],
                settings=settings,
                house=services().settings,
            ),
        )
    except ColabelError as error:
        source_forms.refuse(form, error)
        return _page(classifier_id, source_id, form)
    flashes.flash("sources.saved")
    return go("automate.source", classifier_id=classifier_id, source_id=source_id)


@automate.action(f"{SOURCE}/switch")
def switch_source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Take no pictures for a while, or take them again."""
    state = domain.PAUSED if request.form.get("state") == "paused" else domain.ACTIVE
    change_source(
        classifier_id,
        source_id,
        lambda session, classifier, row: domain.update_source(
            session, classifier, row, state=state
        ),
    )
    flashes.flash("sources.paused_now" if state == domain.PAUSED else "sources.active_now")
    return go("automate.source", classifier_id=classifier_id, source_id=source_id)


@automate.action(f"{SOURCE}/rotate")
def rotate_source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Give it a new address; the one before works for a while."""
    text = request.form.get("grace", "")
    grace = float(text) if text in GRACES else domain.GRACE_HOURS

    def rotate(session: Session, _classifier: Classifier, row: Source) -> None:
        domain.rotate_token(session, row, grace_hours=grace)

    change_source(classifier_id, source_id, rotate)
    flashes.flash("sources.rotated" if grace else "sources.rotated_at_once")
    return go("automate.connect", classifier_id=classifier_id, source_id=source_id)


@automate.action(f"{SOURCE}/delete")
def delete_source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Take nothing more by it; what it brought stays."""
    change_source(
        classifier_id,
        source_id,
        lambda session, _classifier, row: domain.delete_source(session, row),
    )
    flashes.flash("sources.deleted")
    return go("automate.show", classifier_id=classifier_id)


@automate.action(f"{SOURCE}/scan")
def scan_source(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Take what lies in a watched folder already."""

    def scan(session: Session, _classifier: Classifier, row: Source) -> None:
        domain.check_kind(row, FOLDER)
        watched.scan(session, row)

    change_source(classifier_id, source_id, scan)
    flashes.flash("sources.scanning")
    return go("automate.source", classifier_id=classifier_id, source_id=source_id)


@automate.action(f"{SOURCE}/backfills")
def begin_backfill(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Take what a bucket holds already."""
    bucket, prefix = request.form.get("bucket"), request.form.get("prefix", "").strip()

    def begin(session: Session, _classifier: Classifier, row: Source) -> None:
        backfills.begin(session, row, bucket=bucket or None, prefix=prefix or None)

    try:
        change_source(classifier_id, source_id, begin)
    except ColabelError as error:
        if error.code not in ("bad_backfill", "too_many_backfills"):
            raise
        flashes.say(error.detail, "bad")
    else:
        flashes.flash("sources.backfill_begun")
    return go("automate.source", classifier_id=classifier_id, source_id=source_id)


@automate.action(f"{SOURCE}/backfills/<backfill_id>/stop")
def stop_backfill(classifier_id: str, source_id: str, backfill_id: str) -> ResponseReturnValue:
    """Take nothing more; what was taken stays."""

    def stop(session: Session, _classifier: Classifier, row: Source) -> None:
        backfills.stop(session, backfills.get(session, row, backfill_id))

    change_source(classifier_id, source_id, stop)
    flashes.flash("sources.backfill_stopped")
    return go("automate.source", classifier_id=classifier_id, source_id=source_id)


def _page(classifier_id: str, source_id: str, form: Form | None = None) -> ResponseReturnValue:
    seen = _seen(classifier_id, source_id)
    row = seen["way"].row
    return page(
        "automate/source.html",
        status=200 if form is None else form.status,
        form=form or source_forms.of_source(row, source_names.shown_name(row)),
        fields=source_forms.fields_of(row),
        kinds=source_forms.FIELDS,
        has_key="key_sha256" in row.settings,
        graces=GRACES,
        **seen,
    )


def _seen(classifier_id: str, source_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier, row = own_source(session, classifier_id, source_id)
        walks = []
        if row.kind == S3:
            walks = backfills.list_all(session, row, limit=WALKS).items
        context = {
            "classifier": classifier,
            "way": ways_in.one(session, row),
            "taken": ways_in.count_taken(session, row),
            "walks": walks,
            "events": [
                {**one, "at": datetime.fromisoformat(one["created_at"])}
                for one in source_events.shown(session, row)
            ],
        }
    return {
        **context,
        "kind": source_forms.way_of(row),
        "buckets": list(s3_settings.of(row.settings).buckets) if row.kind == S3 else [],
        "most": ways_in.MOST_COUNTED,
        "unfinished": UNFINISHED,
        "HOOK": HOOK,
        "FOLDER": FOLDER,
    }
