"""Which pictures somebody wants to see, as the address of the page says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import request

from connector.domain.prediction_list import PredictionFilter
from connector.web.ui.forms import Form
from connector.web.ui.words import t

# Field of the form -> field of the filter. Those that are no text have their own below.
TEXTS = {
    "q": "q",
    "classifier": "classifier_id",
    "source": "source_id",
    "status": "status",
    "label": "label",
    "decided_by": "decided_by",
    "rule": "rule_id",
    "action_kind": "action_kind",
    "action_status": "action_status",
}
FIELDS = (*TEXTS, "since", "until", "min", "max")
# Those that stand in sight; the others are behind "more filters".
FIRST = ("q", "classifier", "status")
LONGEST = 200


@dataclass(frozen=True)
class Asked:
    """A filter, what stands in its form, and the fields that are set, as the address holds them."""

    wanted: PredictionFilter
    form: Form
    values: dict[str, str]

    def besides(self, *names: str, **others: str) -> dict[str, str]:
        """Return the address's values without some, and with others."""
        kept = {name: value for name, value in self.values.items() if name not in names}
        return {**kept, **others}

    @property
    def more(self) -> bool:
        """Say whether a field is set that does not stand in sight."""
        return any(name not in FIRST for name in self.values)


def asked(within: str | None = None) -> Asked:
    """Return what the present address asks for; `within`: a classifier, whose page this is.

    A day or a share that is none is said at its field, and asks nothing.
    """
    given = {name: request.args.get(name, "").strip()[:LONGEST] for name in FIELDS}
    if within is not None:
        given["classifier"] = ""
    form = Form.empty(**given)
    fields: dict[str, Any] = {TEXTS[name]: given[name] or None for name in TEXTS}
    if within is not None:
        fields["classifier_id"] = within
    fields["since"] = _read(form, "since", _day)
    fields["until"] = _read(form, "until", lambda text: _day(text) + timedelta(days=1))
    fields["min_confidence"] = _read(form, "min", _share)
    fields["max_confidence"] = _read(form, "max", _share)
    values = {name: value for name, value in given.items() if value}
    return Asked(PredictionFilter(**fields), form, values)


def _read(form: Form, name: str, read: Callable[[str], Any]) -> Any:
    if not form[name]:
        return None
    try:
        return read(form[name])
    except (ValueError, OverflowError):
        form.wrong(name, t("activity.bad_share" if name in ("min", "max") else "activity.bad_day"))
        return None


def _day(text: str) -> datetime:
    day = date.fromisoformat(text)
    if not 1970 <= day.year <= 9000:
        raise ValueError(text)
    return datetime.combine(day, time(), UTC)


def _share(text: str) -> float:
    share = float(text.removesuffix("%").replace(",", ".")) / 100
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


def moment(text: str) -> datetime:
    """Return a time as a form's field gives it, in UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if not 1970 <= at.year <= 9000:
        raise ValueError(text)
    return at
