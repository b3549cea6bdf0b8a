"""What changed between two versions, on the pictures that both answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from models.answers import Answers
from models.errors import ModelError
from models.intervals import paired_difference
from models.split import Groups
from models.wording import counted, points, tenths

Bools = npt.NDArray[np.bool_]
_LISTED = 200


def compare_versions(
    before: Answers, after: Answers, groups: Groups | None = None
) -> dict[str, Any]:
    """Describe what the version `after` does differently from `before`; plain values, fit for JSON.

    Both answered pictures that neither has learned from (`split.unseen`); only those in both count,
    near-identical ones once. A label that a version does not know counts against it, as it would in
    service. Changes are shares of right answers, after minus before, with 95 % intervals. This
    describes; whether a version is better is for a test to decide. Raises ModelError when the two
    disagree about a picture's true label.
    """
    old, new = _same_pictures(before, after, groups or {})
    gained, lost = new.right & ~old.right, ~new.right & old.right
    return {
        "count": len(old.hashes),
        "right_before": int(old.right.sum()),
        "right_after": int(new.right.sum()),
        "accuracy_change": _change(gained, lost),
        "newly_right": _listed(old, new, gained),
        "newly_wrong": _listed(old, new, lost),
        "differently_wrong": _listed(old, new, _differently_wrong(old, new)),
        "per_label": list(_per_label(old, new, gained, lost)),
        "labels_added": [label for label in after.labels if label not in before.labels],
        "labels_removed": [label for label in before.labels if label not in after.labels],
        "sentence": _sentence(gained, lost),
    }


def _same_pictures(before: Answers, after: Answers, groups: Groups) -> tuple[Answers, Answers]:
    rows = [{sha: i for i, sha in enumerate(one.hashes)} for one in (before, after)]
    both = sorted(rows[0].keys() & rows[1].keys())
    old, new = (
        one.take([row[sha] for sha in both]).distinct(groups)
        for one, row in zip((before, after), rows, strict=True)
    )
    if old.truths != new.truths:
        raise ModelError(
            "The two versions were scored against different true labels; score both again.",
            code="answers_do_not_fit",
        )
    return old, new


def _change(gained: Bools, lost: Bools) -> dict[str, Any]:
    return paired_difference(int(gained.sum()), int(lost.sum()), len(gained)).to_json()


def _names(answers: Answers) -> npt.NDArray[np.str_]:
    return np.array([answers.labels[i] for i in answers.predicted], np.str_)


def _differently_wrong(old: Answers, new: Answers) -> Bools:
    return np.asarray(~old.right & ~new.right & (_names(old) != _names(new)))


def _listed(old: Answers, new: Answers, chosen: Bools) -> dict[str, Any]:
    """How many, and the first of them, those first where the new version is surest."""
    rows = np.flatnonzero(chosen)
    order = rows[np.argsort(-new.confidence[rows], kind="stable")][:_LISTED]
    pictures = [
        {
            "sha256": old.hashes[i],
            "given": old.truths[i],
            "before": old.labels[int(old.predicted[i])],
            "after": new.labels[int(new.predicted[i])],
            "confidence_before": round(float(old.confidence[i]), 4),
            "confidence_after": round(float(new.confidence[i]), 4),
        }
        for i in order
    ]
    return {"count": len(rows), "pictures": pictures}


def _per_label(old: Answers, new: Answers, gained: Bools, lost: Bools) -> Iterator[dict[str, Any]]:
    """The change of the share of each true label's pictures that are answered right."""
    truths = np.array(old.truths, np.str_)
    for label in dict.fromkeys([*new.labels, *old.labels, *old.truths]):
        own = truths == label
        if own.any():
            yield {
                "label": label,
                "count": int(own.sum()),
                "newly_right": int(gained[own].sum()),
                "newly_wrong": int(lost[own].sum()),
                "recall_change": _change(gained[own], lost[own]),
            }


def _sentence(gained: Bools, lost: Bools) -> str:
    """In words; the interval decides whether a direction is named."""
    count, better, worse = len(gained), int(gained.sum()), int(lost.sum())
    if not count:
        return "There is no picture that both versions answered without having learned from it."
    if not better and not worse:
        return f"Both versions are right about the same of {counted(count, 'picture')}."
    said = f"Of {counted(count, 'picture')}, {better:,} became right and {worse:,} wrong: "
    change = paired_difference(better, worse, count)
    if change.low > 0 or change.high < 0:
        least, most = sorted((abs(change.low), abs(change.high)))
        direction = "fewer" if change.low > 0 else "more"
        return (
            said + f"{points(change.value or 0.0)} {direction} mistakes (between {tenths(least)} "
            f"and {tenths(most)}, with 95 % confidence)."
        )
    return (
        said + f"anything from {points(change.low)} more to {points(change.high)} fewer mistakes "
        "is possible, with 95 % confidence."
    )
