"""The form of a subscription: what somebody typed into an address, types of events and filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from pydantic import ValidationError

from connector.db.tables import Webhook
from connector.domain.event_filters import EventFilters
from connector.errors import Unprocessable
from connector.web.ui.forms import Form
from connector.web.ui.words import t

# What is wrong, by the error's code -> the field that it is shown at.
WHERE = {
    "unknown_event_type": "event_type",
    "bad_filter": "filters",
    "forbidden_address": "url",
    "invalid_url": "url",
}
MOST_URL = 8192


@dataclass(frozen=True)
class Wanted:
    """What was asked for: an address, types of events, and filters as they are kept."""

    url: str
    event_types: list[str]
    filters: dict[str, Any]


def chosen() -> dict[str, list[str]]:
    """Return what was chosen in the lists of the form that was sent."""
    return {name: request.form.getlist(name) for name in ("event_type", "classifier")}


def read(form: Form) -> Wanted:
    """Return what a form asks for. Raises Unprocessable (bad_filter)."""
    lists = chosen()
    asked: dict[str, Any] = {
        "classifier_ids": lists["classifier"],
        "labels": [line.strip() for line in form["labels"].splitlines() if line.strip()],
        "min_confidence": _share(form["least"]),
        "max_confidence": _share(form["most"]),
        "decided_by": form["decided_by"],
        "statuses": [form["status"]] if form["status"] else [],
    }
    given = {name: value for name, value in asked.items() if value not in (None, "", [])}
    try:
        filters = EventFilters.model_validate(given).kept()
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise Unprocessable(t("webhooks.bad_filter", reason=said), code="bad_filter") from error
    return Wanted(form["url"].strip()[:MOST_URL], lists["event_type"], filters)


def _share(text: str) -> float | None:
    """Return the share (0..1) of what was typed in per cent."""
    cleaned = text.strip().removesuffix("%").strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        return float(cleaned) / 100
    except ValueError as error:
        raise Unprocessable(t("webhooks.bad_share"), code="bad_filter") from error


def in_words(filters: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return what a subscription asks of its events; `names`: of classifiers, by id."""
    words: dict[str, Callable[[Any], str]] = {
        "classifier_ids": lambda ids: _named("classifiers", [names.get(one, one) for one in ids]),
        "labels": lambda labels: _named("labels", labels),
        "min_confidence": lambda share: _named("least", [_percent(share)]),
        "max_confidence": lambda share: _named("most", [_percent(share)]),
        "decided_by": lambda who: t(f"webhooks.said_by_{who}"),
        "statuses": lambda all_: ", ".join(t(f"webhooks.said_only_{one}") for one in all_),
    }
    return ", ".join(words[name](value) for name, value in filters.items())


def _named(key: str, values: Sequence[str]) -> str:
    return t(f"webhooks.said_{key}", what=" / ".join(values))


def of_row(row: Webhook) -> tuple[Form, Mapping[str, list[str]]]:
    """Return the form that shows a subscription as it is, and what is chosen in its lists."""
    filters = row.filters
    form = Form.empty(
        url=row.url,
        labels="\n".join(filters.get("labels", [])),
        least=_percent(filters.get("min_confidence")),
        most=_percent(filters.get("max_confidence")),
        decided_by=filters.get("decided_by", ""),
        status=next(iter(filters.get("statuses", [])), ""),
    )
    return form, {
        "event_type": row.event_types,
        "classifier": filters.get("classifier_ids", []),
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:g}"
