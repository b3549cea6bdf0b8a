"""What the lists of the latest pictures share: of all classifiers, or `within` one."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.domain import activity as domain
from connector.domain import activity_choices
from connector.domain.activity import MOST_COUNTED, Sheet
from connector.domain.activity_choices import Choices, RuleChoice, SourceChoice
from connector.domain.prediction_exports import Format
from connector.web import downloads
from connector.web.services import services
from connector.web.ui import activities, deeds, navigation, visitors
from connector.web.ui.activities import Asked
from connector.web.ui.rendering import live, page
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

# What is looked for most: the key of its name, and what it asks.
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("all", {}),
    ("asked", {"status": "needs_review"}),
    ("failed", {"status": "failed"}),
    ("undone_work", {"action_status": "failed"}),
    ("taken_back", {"action_status": "undone"}),
)
STATUSES = ("queued", "needs_review", "done", "failed")
ACTION_STATUSES = ("planned", "waiting", "done", "failed", "undone")


def show(template: str, within: str | None) -> ResponseReturnValue:
    """Return a page of the list."""
    asked = activities.asked(within)
    with services().database.read() as session:
        classifier = own_classifier(session, within) if within else None
        choices = activity_choices.choices(session, visitors.workspace_id(), within)
        seen = _seen(session, asked, within)
    return page(
        template,
        status=asked.form.status,
        classifier=classifier,
        choices=choices,
        names={"source": source_name, "rule": rule_name},
        views=_views(asked, within),
        set_filters=_set(asked, choices, within),
        statuses=STATUSES,
        action_statuses=ACTION_STATUSES,
        **seen,
    )


def rows(within: str | None) -> ResponseReturnValue:
    """Return the rows alone, as they are now."""
    asked = activities.asked(within)
    with services().database.read() as session:
        if within is not None:
            own_classifier(session, within)
        seen = _seen(session, asked, within)
    return live("activity/rows.html", **seen)


def export(within: str | None) -> ResponseReturnValue:
    """Return all that the filters mean, as a file."""
    asked = activities.asked(within)
    if within is not None:
        with services().database.read() as session:
            own_classifier(session, within)
    kind: Format = "json" if request.args.get("format") == "json" else "csv"
    return downloads.predictions(visitors.workspace_id(), asked.wanted, kind, for_people=True)


def _seen(session: Session, asked: Asked, within: str | None) -> dict[str, Any]:
    cursor = request.args.get("cursor") or None
    sheet = domain.sheet(
        session,
        visitors.workspace_id(),
        asked.wanted,
        cursor=cursor,
        counted=bool(asked.values) and cursor is None,
    )
    return {
        "asked": asked,
        "within": within,
        "sheet": sheet,
        "cursor": cursor,
        "counted": _counted(sheet),
        "address": address,
        "deeds": deeds,
        "can_choose": navigation.may("member"),
        "older": address(within, asked.besides(cursor=sheet.next_cursor))
        if sheet.next_cursor
        else None,
    }


def _counted(sheet: Sheet) -> str:
    """Say how many pictures there are, as far as anybody has looked."""
    if sheet.count is None:
        return ""
    if sheet.count > MOST_COUNTED:
        return t("activity.more_than", count=MOST_COUNTED)
    return t("activity.found", count=sheet.count)


def address(within: str | None, values: dict[str, str], what: str = "show") -> str:
    """Return the address of a list that asks for these values, of its rows or its export."""
    if within is None:
        return url_for(f"activity.{what}", **values)  # type: ignore[arg-type]
    return url_for(
        f"classifier_activity.{what}",
        classifier_id=within,
        **values,  # type: ignore[arg-type]
    )


def _views(asked: Asked, within: str | None) -> list[tuple[str, str, bool]]:
    """Return name, address and whether one is there, of what is looked for most."""
    found = []
    for name, values in VIEWS:
        # A classifier that was chosen stays chosen.
        kept = {"classifier": asked.values["classifier"]} if "classifier" in asked.values else {}
        here = {key: value for key, value in asked.values.items() if key != "classifier"} == values
        found.append((t(f"activity.view_{name}"), address(within, {**kept, **values}), here))
    return found


def _set(asked: Asked, choices: Choices, within: str | None) -> list[tuple[str, str]]:
    """Return each filter that is set, in words, and the address without it."""
    return [
        (t(f"activity.set_{name}", value=_said(name, value, choices)), address(within, without))
        for name, value in asked.values.items()
        if name not in asked.form.errors
        for without in (asked.besides(name),)
    ]


def _said(name: str, value: str, choices: Choices) -> str:
    if name == "classifier":
        return choices.classifiers.get(value, t("activity.gone"))
    if name == "source":
        known = (one for some in choices.sources.values() for one in some)
        return next((source_name(one) for one in known if one.id == value), t("activity.gone"))
    if name == "rule":
        rule = choices.rule(value)
        return t("activity.gone") if rule is None else rule_name(rule)
    if name == "action_kind":
        return deeds.kind_name(value)
    if name in ("status", "decided_by") and value in (*STATUSES, "model", "person"):
        return t(f"activity.{name}_{value}")
    if name == "action_status" and value in ACTION_STATUSES:
        return t(f"activity.action_{value}")
    return value


def source_name(source: SourceChoice) -> str:
    """Return what a way in is called."""
    if source.name:
        return source.name
    return t("activity.source_api" if source.kind == "api" else "activity.source_hook")


def rule_name(rule: RuleChoice) -> str:
    """Return what a rule is for and does, in a few words."""
    labels = ", ".join(rule.labels) or t("activity.any_label")
    kinds = ", ".join(dict.fromkeys(deeds.kind_name(kind) for kind in rule.kinds))
    return t("activity.rule_is", labels=labels, kinds=kinds)
