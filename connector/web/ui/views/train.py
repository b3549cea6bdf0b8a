"""Training: when it comes, how far it is, what it learned, and what would help most."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from connector.domain import (
    classifiers,
    facts,
    learned,
    learning,
    next_best,
    next_steps,
    overview,
    training,
)
from connector.domain.next_best import Advice
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import charts, flashes, navigation, reports, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.classifier import own_classifier

train = Pages("train", __name__)
TAB = "/classifiers/<classifier_id>/training"
# What a person sees of the steps of a run (models.training.STEPS), in their order.
STAGES = ("look", "learn", "judge", "write")
STAGE_OF = {
    "weights": "look",
    "reading": "look",
    "embedding": "look",
    "training": "learn",
    "fitting": "learn",
    "scoring": "judge",
    "checking": "write",
    "reporting": "write",
}
# Where each advice is followed: a page, and the place on it.
WAYS = {
    "more_pictures": ("pictures.show", None),
    "few_pictures": ("pictures.show", None),
    "not_judged": ("pictures.show", None),
    "contradictions": ("quality.show", "contrary"),
    "likely_wrong_labels": ("quality.show", "doubts"),
    "confused": ("quality.show", "confusion"),
    "too_sure": ("quality.show", "careful"),
}


@train.page(TAB, title="tabs.train")
def show(classifier_id: str) -> ResponseReturnValue:
    """All of it."""
    return page("learn/train.html", **_seen(classifier_id))


@train.part(f"{TAB}/state")
def state(classifier_id: str) -> ResponseReturnValue:
    """The same as it is now: the page follows a training."""
    return live("learn/train_state.html", **_seen(classifier_id))


@train.action(f"{TAB}/start")
def start(classifier_id: str) -> ResponseReturnValue:
    """Train now, whatever it would do by itself."""
    kind = request.form.get("kind", training.HEAD)
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        try:
            training.request_run(
                session, row, kind=kind if kind in training.KINDS else training.HEAD
            )
        except ColabelError as error:
            if error.code != "not_enough_examples":
                raise
            flashes.flash("overview.too_few", "bad")
    return go("train.show", classifier_id=classifier_id)


@train.action(f"{TAB}/automatic")
def automatic(classifier_id: str) -> ResponseReturnValue:
    """Let it train by itself, or only when it is told to."""
    wanted = request.form.get("automatic") == "yes"
    with services().database.write() as session:
        row = own_classifier(session, classifier_id)
        classifiers.update_classifier(session, row, auto_train=wanted)
    flashes.flash("train.automatic_on" if wanted else "train.automatic_off")
    return go("train.show", classifier_id=classifier_id)


def _seen(classifier_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        glance = overview.glance(session, visitors.workspace_id(), classifier_id)
        pending = learning.next_training(session, glance.row)
        history = learned.history(session, glance.row, limit=1)
        runs = learned.recent_runs(session, glance.row)
        notice = facts.weights_notice(session)
    report = reports.of_version(glance.live)
    step = next_steps.next_step(glance, report)
    return {
        "classifier": glance.row,
        "glance": glance,
        "when": _when(glance, pending),
        "pending": pending,
        "seconds": _seconds(pending),
        "stages": [] if glance.run is None else _stages(glance.run.step),
        "last": history.entries[0] if history.entries else None,
        "runs": [(run, learned.seconds(run)) for run in runs],
        "report": report,
        "curve": None if report is None else charts.learning(report),
        "advice": [] if report is None else _advice(report, classifier_id),
        "step": step,
        "way": _page("pictures.show", classifier_id),
        "notice": notice,
    }


def _when(glance: overview.Glance, pending: learning.Pending | None) -> str:
    """busy, too_few, asked (it trains only when told), soon, labels (a few more), or nothing."""
    if glance.busy:
        return "busy"
    if not overview.can_train(glance):
        return "too_few"
    if not glance.row.auto_train:
        return "asked"
    if pending is None:
        return "nothing"
    return "labels" if _seconds(pending) > 10 and pending.missing else "soon"


def _seconds(pending: learning.Pending | None) -> int:
    """How long it is until it trains by itself, if nothing more is labelled."""
    if pending is None:
        return 0
    return max(0, round((pending.due_at - datetime.now(UTC)).total_seconds()))


def _stages(step: str | None) -> list[tuple[str, str]]:
    """Each stage with done, now or later; an export is part of whatever comes after it."""
    here = STAGES.index(STAGE_OF.get(step or "", "look"))
    states = ["done"] * here + ["now"] + ["later"] * (len(STAGES) - here - 1)
    return list(zip(STAGES, states, strict=True))


def _advice(report: reports.Report, classifier_id: str) -> list[tuple[Advice, str | None]]:
    return [(one, _way(one, classifier_id)) for one in next_best.advice(report)]


def _way(one: Advice, classifier_id: str) -> str | None:
    endpoint, anchor = WAYS.get(one.code, ("", None))
    label = one.labels[0] if endpoint == "pictures.show" and one.labels else None
    return _page(endpoint, classifier_id, label, anchor)


def _page(
    endpoint: str, classifier_id: str, label: str | None = None, anchor: str | None = None
) -> str | None:
    """The address of a page, None where there is no such page yet."""
    if not navigation.exists(endpoint):
        return None
    return url_for(endpoint, classifier_id=classifier_id, label=label, _anchor=anchor)
