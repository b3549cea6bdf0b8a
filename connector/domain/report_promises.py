"""What may be chosen between fewer mistakes and fewer questions, and what each choice comes to.

A report holds for each error rate what the judge would find if it were promised ("promises"). The
reports of earlier releases have none: there the measured curve says about how it would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.db.tables import Classifier
from connector.db.types import Json
from connector.domain import promises
from connector.errors import Unprocessable

Report = Mapping[str, Any]

NONE = "none"
# Offered where the report does not say what each comes to.
RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)
# Where the choice begins as long as no rate can be promised.
USUAL = 0.05


@dataclass(frozen=True)
class Choice:
    """A position between fewer mistakes and fewer questions.

    `kept` says whether it can be promised now; None: nobody knows until it is promised. `asked` is
    the share of pictures that a person is asked about, from `low` to `high`; `error` the share of
    wrong ones among the other answers to held-out pictures. `more` is how many more labels a
    promise that cannot be made yet takes, None where more alone are not expected to do.
    """

    code: str
    rate: float | None
    kept: bool | None
    asked: float | None
    low: float
    high: float
    error: float | None
    more: int | None = None

    @property
    def automatic(self) -> float | None:
        """The share of pictures that nobody is asked about."""
        return None if self.asked is None else 1 - self.asked


def choices(report: Report, classifier: Classifier) -> list[Choice]:
    """Return all positions, from the fewest mistakes to the fewest questions.

    The rate that is promised now is among them, whoever chose it and wherever.
    """
    told = report.get("promises")
    if told is None:
        found = [_measured(report, rate) for rate in RATES]
    else:
        found = [_told(one) for one in told]
    rate = promised_rate(classifier)
    if rate is not None and all(one.rate != rate for one in found):
        found = sorted([*found, _standing(report, classifier, rate)], key=lambda one: one.rate or 0)
    return [*found, _everything(report)]


def promised_rate(classifier: Classifier) -> float | None:
    """Return the error rate that is promised now, for all answers or for each label's."""
    if classifier.promise["kind"] not in promises.GUARANTEED:
        return None
    return float(classifier.promise["rate"])


def position(classifier: Classifier, found: Sequence[Choice]) -> int:
    """Return which choice is in force, or where none is, the one to suggest.

    That is the most careful one that can be promised already, or a usual one.
    """
    rate = promised_rate(classifier)
    if classifier.promise["kind"] == promises.NONE:
        return len(found) - 1
    if rate is not None:
        return next(i for i, one in enumerate(found) if one.rate == rate)
    for i, one in enumerate(found):
        if one.kept and one.rate is not None:
            return i
    return next((i for i, one in enumerate(found) if one.rate == USUAL), len(found) - 1)


def wanted(code: str, *, per_label: bool = False, questions: str = "") -> Json:
    """Return the promise that a form asks for, to be checked like any other.

    `code` is an error rate, "none", "confidence" or "capacity", with the `questions` a day. Raises
    Unprocessable (bad_promise).
    """
    if code in (promises.NONE, promises.CONFIDENCE):
        return {"kind": code}
    if code == promises.CAPACITY:
        return {"kind": code, "questions_per_day": _number(questions)}
    kind = promises.PER_LABEL if per_label else promises.ERROR_RATE
    return {"kind": kind, "rate": _number(code)}


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ".").strip())
    except ValueError:
        raise Unprocessable(
            f"“{text[:40]}” is no number; write it with digits, such as 20.", code="bad_promise"
        ) from None


def _told(one: Mapping[str, Any]) -> Choice:
    answered = int(one["answered"])
    return Choice(
        code=f"{one['rate']:g}",
        rate=float(one["rate"]),
        kept=bool(one["kept"]),
        asked=one["review_share"],
        low=float(one["review_interval"][0]),
        high=float(one["review_interval"][1]),
        error=int(one["wrong"]) / answered if answered else None,
        more=one["more_labelled"],
    )


def _measured(report: Report, rate: float) -> Choice:
    """As far as the curve tells: the most answers whose measured error is no higher."""
    points = report["risk_coverage"]["points"]
    point = max(
        (one for one in points if one["error"] <= rate), key=lambda p: p["coverage"], default=None
    )
    asked = None if point is None else round(1 - point["coverage"], 4)
    error = None if point is None else point["error"]
    return Choice(f"{rate:g}", rate, None, asked, 0.0, 1.0, error)


def _standing(report: Report, classifier: Classifier, rate: float) -> Choice:
    """A rate that the report says nothing about: what was found when it was promised."""
    point = classifier.operating or {}
    if "evidence" not in point:
        return _measured(report, rate)
    evidence = point["evidence"]
    answered = int(evidence["answered"])
    low, high = point["review_interval"]
    return Choice(
        code=f"{rate:g}",
        rate=rate,
        kept=bool(point["kept"]),
        asked=point["review_share"],
        low=low,
        high=high,
        error=evidence["wrong"] / answered if answered else None,
        more=evidence["more_labelled"],
    )


def _everything(report: Report) -> Choice:
    accuracy = report["headline"]["accuracy"]["value"]
    error = None if accuracy is None else 1 - accuracy
    return Choice(NONE, None, None, 0.0, 0.0, 0.0, error)
