"""Labelling on the pages: what was chosen gets a label, and the last labelling can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import gallery, labellings
from connector.errors import BadRequest
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.rendering import go, part
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.pictures.gallery import suspects_of
from connector.web.ui.views.pictures.pages import RULE, address, pictures, shared, wanted
from connector.web.ui.words import t


@pictures.action(f"{RULE}/label", role="reviewer")
def label(classifier_id: str) -> ResponseReturnValue:
    """Give the chosen pictures one label, or none."""
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        ids, name = _chosen(), _label()
        row = labellings.give(session, classifier, visitors.person().person_id, ids, name)
        count = 0 if row is None else row.count
        said = _said(name, count, len(ids))
        context = _context(session, classifier, ids) if visitors.is_htmx() else {}
    if context:
        return part("pictures/said.html", said=said, undoable=row is not None, **context)
    flashes.say(said)
    return _back(classifier_id)


@pictures.action(f"{RULE}/undo", role="reviewer")
def undo(classifier_id: str) -> ResponseReturnValue:
    """Take back what this person labelled last."""
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        undone = labellings.undo_last(session, classifier, visitors.person().person_id)
        said = t("pictures.undone", count=len(undone.ids))
        if undone.left:
            said = f"{said} {t('pictures.left', count=undone.left)}"
        more = labellings.last(session, classifier, visitors.person().person_id) is not None
        context = _context(session, classifier, undone.ids) if visitors.is_htmx() else {}
    if context:
        return part("pictures/said.html", said=said, undoable=more, **context)
    flashes.say(said)
    return _back(classifier_id)


def _chosen() -> list[str]:
    """The ids of the pictures that were ticked; a folded one brings its copies along."""
    ids = [one for value in request.form.getlist("picture") for one in value.split(",") if one]
    if not ids:
        raise BadRequest(t("pictures.choose_first"), code="nothing_chosen")
    return ids


def _label() -> str | None:
    if "none" in request.form:
        return None
    name = request.form.get("label") or request.form.get("new_label") or ""
    if not name.strip():
        raise BadRequest(t("pictures.name_first"), code="no_label_named")
    return name


def _said(name: str | None, changed: int, chosen: int) -> str:
    shown = t("pictures.no_label") if name is None else " ".join(name.split())
    if not changed:
        return t("pictures.labelled_already", count=chosen, label=shown)
    if name is None:
        return t("pictures.unlabelled_now", count=changed)
    return t("pictures.labelled_now", count=changed, label=shown)


def _context(session: Session, classifier: Classifier, ids: Sequence[str]) -> dict[str, Any]:
    """What a page that is open needs to show it: these pictures, and all the counts."""
    suspects, which = suspects_of(session, classifier), wanted()
    return {
        **shared(classifier),
        "wanted": which,
        "address": address,
        "tiles": gallery.tiles(session, classifier, ids, folded=not which.mistakes),
        "choices": gallery.choices(session, classifier),
        "mistakes": gallery.count_suspects(session, classifier, suspects),
    }


def _back(classifier_id: str) -> ResponseReturnValue:
    """Lead back to where the form was."""
    if request.form.get("from") == "groups":
        return go("pictures.alike", classifier_id=classifier_id)
    example_id = request.form.get("back", "")
    if example_id:
        return go("pictures.one", classifier_id=classifier_id, example_id=example_id)
    cursor = request.form.get("cursor") or None
    params = address(wanted(), cursor=cursor)
    return go("pictures.show", classifier_id=classifier_id, **params)
