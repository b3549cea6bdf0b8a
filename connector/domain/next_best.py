"""What would make a classifier better, the most worthwhile first, from its version's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]

MOST = 4
# Of labels that more pictures help: a list of twenty is no help.
MOST_LABELS = 2


@dataclass(frozen=True)
class Advice:
    """Something to do: its code says where, `more` how many pictures of `labels` where it counts.

    `code` is more_pictures, one of a report's advice, or forecast, which is only worth knowing.
    """

    code: str
    sentence: str
    labels: tuple[str, ...] = ()
    more: int | None = None


def advice(report: Report) -> list[Advice]:
    """Return the few best things to do; settling what contradicts itself costs least."""
    told = [_told(one) for one in report["advice"]]
    forecast = report.get("forecast") or {}
    worth = _worth(forecast)
    cheap = [one for one in told if one.code in ("contradictions", "likely_wrong_labels")]
    # What is said of labels with few pictures is said better by a number of pictures.
    named = {label for one in worth for label in one.labels}
    rest = [one for one in told if one not in cheap and not (one.labels and named >= {*one.labels})]
    found = [*cheap, *worth, *rest]
    if not worth and forecast.get("next"):
        found.append(Advice("forecast", str(forecast["next"])))
    return found[:MOST]


def _worth(forecast: Mapping[str, Any]) -> list[Advice]:
    labels: Sequence[Mapping[str, Any]] = forecast.get("labels", ())
    worth = [one for one in labels if one["verdict"] == "worth"]
    worth.sort(key=lambda one: -one["gain"]["value"] / one["more"])
    return [
        Advice("more_pictures", str(one["sentence"]), (str(one["label"]),), int(one["more"]))
        for one in worth[:MOST_LABELS]
    ]


def _told(one: Mapping[str, Any]) -> Advice:
    return Advice(str(one["code"]), str(one["sentence"]), tuple(one["labels"]))
