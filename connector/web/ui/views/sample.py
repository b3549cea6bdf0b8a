"""The sample project: begun with one click, followed while it is made, and deleted with another."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import gallery, overview, samples
from connector.web.services import services
from connector.web.ui import flashes, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.pictures.gallery import suspects_of

sample = Pages("sample", __name__)
RULE = "/classifiers/<classifier_id>/sample"
STAGES = ("drawing", "learning", "asking", "ready")


@sample.action("/sample")
def make() -> ResponseReturnValue:
    """Begin it, or lead to the one that there is."""
    with services().database.write() as session:
        row = samples.make(session, visitors.workspace_id())
    return go("sample.show", classifier_id=row.id)


@sample.page(RULE, title="sample.title")
def show(classifier_id: str) -> ResponseReturnValue:
    """How far it is, and what there is to see in it."""
    context = _context(classifier_id)
    if not context:
        return go("classifier.show", classifier_id=classifier_id)
    return page("sample/show.html", **context)


@sample.part(f"{RULE}/state")
def state(classifier_id: str) -> ResponseReturnValue:
    """How far it is now."""
    context = _context(classifier_id)
    return live("sample/state.html", **context) if context else ("", 204)


@sample.action(f"{RULE}/delete")
def delete(classifier_id: str) -> ResponseReturnValue:
    """Take it away."""
    with services().database.write() as session:
        samples.delete(session, own_classifier(session, classifier_id))
    flashes.flash("sample.deleted")
    return go("home.show")


def _context(classifier_id: str) -> dict[str, Any]:
    """What its page shows; nothing where the classifier is no sample."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        if not row.sample:
            return {}
        progress = samples.progress(session, row)
        ready = progress.stage == "ready"
        return {
            "classifier": row,
            "progress": progress,
            "stages": _stages(progress.stage),
            "busy": progress.stage in ("drawing", "learning", "asking"),
            "seen": _seen(session, row) if ready else None,
        }


def _stages(now: str) -> list[tuple[str, str]]:
    """Return each stage with done, now or later."""
    if now == "failed":
        return []
    place = STAGES.index(now)
    return [
        (
            name,
            "done" if number < place or now == "ready" else "now" if number == place else "later",
        )
        for number, name in enumerate(STAGES[:-1])
    ]


def _seen(session: Session, row: Classifier) -> dict[str, Any]:
    glance = overview.glance(session, row.workspace_id, row.id)
    suspects = suspects_of(session, row)
    return {
        "questions": glance.questions,
        "waiting": glance.unlabelled,
        "accuracy": glance.accuracy,
        "mistakes": gallery.count_suspects(session, row, suspects),
    }
