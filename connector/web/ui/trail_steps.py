"""A picture's way as steps: what is done, what is under way, what went wrong, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import url_for
from markupsafe import Markup

from connector import actions as action_kinds
from connector.db.tables import Action, Rule
from connector.domain import conditions, foreseeing
from connector.domain.trail import Told, Trail
from connector.web.ui import action_forms, rule_words
from connector.web.ui.rendering import percent, size
from connector.web.ui.words import rich, t

DONE, NOW, LATER, FAILED, ASKED = "done", "now", "later", "failed", "asked"
# How an action's own state is shown.
STATES = {"planned": NOW, "waiting": NOW, "done": DONE, "undone": DONE, "failed": FAILED}
SENT = {"pending": NOW, "delivered": DONE, "failed": FAILED, "cancelled": LATER}


@dataclass(frozen=True)
class Step:
    """One step: how it stands, what it is, what came of it, when, and how long after the first."""

    state: str
    title: str
    text: Markup | str = ""
    at: datetime | None = None
    seconds: float | None = None
    link: str = ""
    link_text: str = ""


def steps(trail: Trail, sources: Mapping[str, str], names: Mapping[str, str]) -> list[Step]:
    """Return the steps of a picture; `sources` and `names` are those of sources and classifiers."""
    found = [_received(trail), _answered(trail)]
    if trail.review is not None and trail.review.kind == "question":
        found.append(_question(trail))
    if trail.row.status == "done":
        found += _effects(trail, sources, names)
    elif trail.row.status != "failed":
        found.append(Step(LATER, t("trail.rules"), t("trail.rules_later")))
    return found + [_told(one, trail) for one in trail.told]


def _after(trail: Trail, at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (at - trail.row.created_at).total_seconds())


def _received(trail: Trail) -> Step:
    row, image = trail.row, trail.image
    by = t("trail.by", source=trail.came_by) if trail.came_by else t("trail.by_api")
    facts = t(
        "trail.received_text",
        name=row.name,
        width=image.width,
        height=image.height,
        size=size(image.size),
        by=by,
    )
    return Step(DONE, t("trail.received"), facts, row.created_at)


def _answered(trail: Trail) -> Step:
    row = trail.row
    if row.status == "queued":
        held = row.lease_token is not None
        text = t("trail.looking" if held else "trail.waiting")
        return Step(NOW, t("trail.classified"), text)
    if row.status == "failed":
        at = row.decided_at
        return Step(FAILED, t("trail.failed"), row.error or "", at, _after(trail, at))
    at = row.decided_at
    if trail.review is not None and trail.review.kind == "question":
        at = trail.review.created_at
    if row.twin_of is not None:
        text = rich("trail.twin", label=row.label or "")
    else:
        said = trail.review.label if trail.review is not None else None
        best = max(row.probabilities or {}, key=(row.probabilities or {}).__getitem__, default=None)
        text = rich(
            "trail.answer",
            label=best or said or row.label or "",
            share=percent(row.confidence),
            number=row.model_version,
        )
    return Step(DONE, t("trail.classified"), text, at, _after(trail, at))


def _question(trail: Trail) -> Step:
    review = trail.review
    assert review is not None
    if review.state == "open":
        link = url_for("review.one", review_id=review.id)
        return Step(
            ASKED, t("trail.asked"), review.reason, link=link, link_text=t("trail.answer_it")
        )
    said = review.label or t("trail.none_of_them")
    text = rich("trail.person_said", who=review.answered_by or t("trail.somebody"), label=said)
    return Step(
        DONE, t("trail.answered"), text, review.answered_at, _after(trail, review.answered_at)
    )


def _effects(trail: Trail, sources: Mapping[str, str], names: Mapping[str, str]) -> list[Step]:
    if not trail.actions:
        return [Step(DONE, t("trail.no_rule"), t("trail.no_rule_text"), trail.row.decided_at)]
    found: list[Step] = []
    before: tuple[str, int] | None = None
    for one in trail.actions:
        key = (one.rule_id, one.rule_version)
        if key != before:
            found.append(_rule(trail, trail.rules.get(key), sources, one))
            before = key
        found.append(_action(trail, one, names))
    return found


def _rule(trail: Trail, rule: Rule | None, sources: Mapping[str, str], first: Action) -> Step:
    text: Markup | str = t("trail.rule_gone")
    link = ""
    if rule is not None:
        text = rule_words.when(conditions.of_rule(rule), sources)
        link = url_for("automate.rule", classifier_id=trail.row.classifier_id, rule_id=rule.rule_id)
    at = first.created_at
    return Step(
        DONE,
        t("trail.rule"),
        text,
        at,
        _after(trail, at),
        link,
        t("trail.see_rule") if link else "",
    )


def _action(trail: Trail, row: Action, names: Mapping[str, str]) -> Step:
    title = action_forms.kind_name(row.kind)
    if row.status == "undone":
        title = t("trail.undone", what=title)
    state = FAILED if row.error and row.pending else STATES.get(row.status, LATER)
    return Step(state, title, _said(row, names), row.finished_at, _after(trail, row.finished_at))


def _said(row: Action, names: Mapping[str, str]) -> str:
    if row.status == "waiting":
        return t("trail.in_digest")
    if row.error:
        return t("trail.tried_again", reason=row.error) if row.pending else row.error
    if row.status == "done":
        return _done(row.detail, row, names)
    return _wanted(row, names)


def _done(detail: Mapping[str, Any], row: Action, names: Mapping[str, str]) -> str:
    """Return the plainest thing that an action's own account of what it did says."""
    for name in ("to", "message", "note"):
        if isinstance(detail.get(name), str) and detail[name]:
            return str(detail[name])
    return _wanted(row, names)


def _wanted(row: Action, names: Mapping[str, str]) -> str:
    if row.kind not in action_kinds.registry():
        return ""
    return foreseeing.told([{"kind": row.kind, "params": row.params}], names)[0]


def _told(one: Told, trail: Trail) -> Step:
    row = one.delivery
    host = urlsplit(row.url).hostname or row.url
    title = t("trail.told", event=one.event.type, host=host)
    if row.status == "delivered":
        text = t("trail.delivered", code=row.response_status or 200, count=row.attempts or 1)
    elif row.status == "pending":
        text = t("trail.again", reason=row.error) if row.error else t("trail.on_the_way")
    else:
        text = row.error or t("trail.not_sent")
    state = SENT.get(row.status, LATER)
    return Step(state, title, text, row.finished_at, _after(trail, row.finished_at))
