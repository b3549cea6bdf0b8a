"""One picture's journey: from where it came to where it is, and who was told."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from connector.db.tables import Action, Prediction
from connector.domain import journeys, redoing, remedies
from connector.domain.journeys import Journey
from connector.web.services import services
from connector.web.ui import deeds, navigation, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import live, page
from connector.web.ui.words import catalogue, t

journey = Pages("journey", __name__)
ONE = "/predictions/<prediction_id>"


@journey.page(ONE, title="journey.title")
def show(prediction_id: str) -> ResponseReturnValue:
    """The whole of it."""
    return page("activity/journey.html", **_seen(prediction_id))


@journey.part(f"{ONE}/state")
def state(prediction_id: str) -> ResponseReturnValue:
    """What happened so far, for the page to keep itself up to date."""
    return live("activity/journey_state.html", **_seen(prediction_id))


def _seen(prediction_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        found = journeys.journey(session, visitors.workspace_id(), prediction_id)
    return {
        "journey": found,
        "prediction": found.prediction,
        "source": _source(found),
        "rule_url": _rule_url,
        "log_url": _log_url(),
        "event_name": _event_name,
        "deeds": deeds,
        "failed": bool(redoing.failed([one.action for one in found.steps])),
        "can_undo": [one.action for one in found.steps if deeds.undoable(one.action)],
        "said": remedies.correction(found.classifier, found.prediction),
        "handed_on": _handed_on,
    }


def _source(found: Journey) -> str:
    if found.source.name:
        return found.source.name
    key = f"journey.source_{found.source.kind}"
    return t(key) if key in catalogue() else found.source.kind


def _rule_url(prediction: Prediction, action: Action) -> str | None:
    """Return where a rule can be looked at; None where there is no such page."""
    if not navigation.exists("automate.show"):
        return None
    return url_for("automate.show", classifier_id=prediction.classifier_id, _anchor=action.rule_id)


def _log_url() -> str | None:
    if not (navigation.exists("webhook_settings.show") and navigation.may("owner")):
        return None
    return url_for("webhook_settings.show")


def _event_name(event_type: str) -> str:
    key = f"journey.event_{event_type.replace('.', '_')}"
    return t(key) if key in catalogue() else event_type


def _handed_on(action: Action) -> str | None:
    """Return where the picture's way through another classifier is shown."""
    other = action.detail.get("prediction_id") if action.kind == "classify" else None
    return None if other is None else url_for("journey.show", prediction_id=other)
