"""What a guarantee says to a person who is responsible for the work, not for the statistics."""

from __future__ import annotations

from collections.abc import Mapping

from models.evidence import Evidence
from models.promise import AskNothing, Capacity, ErrorRate, Promise
from models.wording import counted, percent

_NAMED = 5


def sentence(
    promise: Promise,
    thresholds: Mapping[str, float | None],
    evidence: Evidence,
    labels: Mapping[str, Evidence],
    review: tuple[float, float, float] | None,
) -> str:
    """The promise, what it stands on, what goes to a person, and what is missing."""
    fixed = f"{_found(evidence)} {_bound(evidence)}".strip()
    if isinstance(promise, AskNothing):
        return f"{promise.sentence} {fixed}"
    if isinstance(promise, Capacity):
        return f"{promise.sentence}. {_asked(thresholds, review)} {fixed}"
    if isinstance(promise, ErrorRate):
        if evidence.more_labelled != 0:
            return (
                f"{_missing(promise.alpha, evidence.more_labelled, '')} "
                "Until then a person is asked about every picture."
            )
        # The bound at a threshold that was searched for holds by itself only: the promise says it.
        return f"{promise.sentence}. {_found(evidence)} {_asked(thresholds, review)}"
    return _per_label(promise.alpha, promise.sentence, thresholds, labels, review)


def _per_label(
    alpha: float,
    promised: str,
    thresholds: Mapping[str, float | None],
    labels: Mapping[str, Evidence],
    review: tuple[float, float, float] | None,
) -> str:
    missing = {name: one.more_labelled for name, one in labels.items() if one.more_labelled != 0}
    if not missing:
        return f"{promised}. {_asked(thresholds, review)}"
    parts = [_missing(alpha, more, f" for '{name}'") for name, more in missing.items()]
    if len(parts) > _NAMED:
        parts = [*parts[:_NAMED], f"{counted(len(parts) - _NAMED, 'more label')} as well."]
    if len(missing) == len(labels):
        return " ".join([*parts, "Until then a person is asked about every picture."])
    kept = f"{promised}: kept for {len(labels) - len(missing)} of {len(labels)} labels."
    return " ".join([kept, *parts, _asked(thresholds, review)])


def _missing(alpha: float, more: int | None, where: str) -> str:
    if more is None:
        return (
            f"At most {percent(alpha)} errors{where} cannot be expected of this model: even of its "
            "surest answers too many are wrong. More pictures alone will hardly do; allow more "
            "errors, or look for wrong labels and for labels that are hard to tell apart."
        )
    return (
        f"Not enough evidence yet for at most {percent(alpha)} errors{where}: "
        f"about {counted(more, 'more labelled picture')}."
    )


def _found(evidence: Evidence) -> str:
    if not evidence.answered:
        return "No held-out picture tells how many automatic answers are wrong."
    return (
        f"Of {counted(evidence.pictures, 'picture')} that the model had not seen, "
        f"{evidence.answered:,} would have been answered automatically, "
        f"{evidence.wrong:,} of them wrongly."
    )


def _bound(evidence: Evidence) -> str:
    if not evidence.answered:
        return ""
    return f"At most {percent(evidence.error_at_most)} errors, with 95 % confidence."


def _asked(
    thresholds: Mapping[str, float | None], review: tuple[float, float, float] | None
) -> str:
    if all(threshold is None for threshold in thresholds.values()):
        return "A person is asked about every picture."
    if review is None:
        return "How many pictures a person is asked about is not known yet."
    if all(threshold == 0 for threshold in thresholds.values()):
        return "Nobody needs to be asked."
    share, low, high = (percent(value) for value in review)
    return f"A person is asked about {share} of the pictures (between {low} and {high})."
