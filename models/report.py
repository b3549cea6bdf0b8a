"""How well a version does, as data: one dictionary that JSON can hold, every number with its doubt.

Everything is judged on pictures that the model has not learned from. Near-identical pictures count
once. Intervals are exact 95 % intervals of one number looked at alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models import advice, calibration, intervals, mistakes
from models.answers import Answers
from models.errors import ModelError
from models.metrics import confusion
from models.selective import risk_coverage
from models.split import Groups, clusters
from models.wording import counted, listed, times_wrong

FORMAT = 1
# Ten right answers of ten still leave a label's true share of right ones anywhere above 69 %.
ENOUGH_TO_JUDGE = 10
_SUSPECTS = 200


def build(
    held_out: Answers,
    *,
    out_of_fold: Answers | None = None,
    temperature: float = 1.0,
    groups: Groups | None = None,
    suspects: Mapping[str, str] | None = None,
    training_counts: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The report of a version; below 1 MB of JSON for 10,000 pictures and 300 labels.

    `held_out` are the model's answers to pictures that were kept aside, `out_of_fold` those of its
    cross-validation to the pictures it trained on, `temperature` what its logits were divided by,
    `groups` the near-identical pictures (content hash to name of group), `suspects` the pictures
    whose label is likely wrong, with the label that is likelier. `training_counts` are the pictures
    of each label that it learned from, if they are not those of `out_of_fold`. The same for any
    order of the pictures. Raises ModelError for a true label that the model does not know.
    """
    groups, suspects = groups or {}, suspects or {}
    parts = [part for part in (held_out, out_of_fold) if part is not None]
    _check(parts)
    judged = held_out.distinct(groups)
    folds = None if out_of_fold is None else out_of_fold.distinct(groups)
    trained = dict(_counts(folds) if training_counts is None and folds else training_counts or {})
    labels = _per_label(judged, trained)
    doubtful = [one["label"] for one in labels if not one["judged"]]
    everything = {sha for part in parts for sha in part.hashes}
    duplicates = mistakes.near_duplicates(parts, clusters(everything, groups))
    measured = calibration.describe(judged, temperature)
    confused = mistakes.most_confused(judged)
    return {
        "format": FORMAT,
        "labels": list(held_out.labels),
        "headline": headline(judged, repeats=len(set(held_out.hashes)) - len(judged.hashes)),
        "cross_validation": None if folds is None else _cross_validation(folds, suspects),
        "per_label": labels,
        "not_judged": doubtful,
        "confusion": mistakes.confusion_cells(judged),
        "most_confused": confused,
        "calibration": measured,
        "risk_coverage": risk_coverage(judged.confidence, judged.right),
        "worst_mistakes": mistakes.worst(judged, suspects),
        "hardest_right": mistakes.hardest_right(judged),
        "near_duplicates": duplicates,
        "suspects": _suspects(parts, suspects),
        "advice": advice.give(trained, doubtful, confused, duplicates, len(suspects), measured),
    }


def headline(judged: Answers, *, repeats: int = 0) -> dict[str, Any]:
    """Accuracy with its interval, next to always giving the commonest label, in words.

    `repeats` near-identical pictures were not counted again. `balanced_accuracy` is the mean share
    of right answers over the labels, which large labels cannot hide small ones in.
    """
    count, right = len(judged.hashes), int(judged.right.sum())
    sizes = np.bincount(judged.targets, minlength=len(judged.labels))
    hits = np.bincount(judged.targets[judged.right], minlength=len(judged.labels))
    there = sizes > 0
    sentence = times_wrong(count - right, count)
    if repeats:
        copies = counted(repeats, "near-identical copy", "near-identical copies")
        sentence += f" {copies} {'was' if repeats == 1 else 'were'} not counted again."
    commonest = int(sizes.max(initial=0))
    if count and intervals.exact(right, count)[0] <= commonest / count:
        name = judged.labels[int(sizes.argmax())]
        sentence += (
            f" Always answering '{name}' would be right {counted(commonest, 'time')} in "
            f"{count:,}: that the model does better is not shown yet."
        )
    return {
        "count": count,
        "repeats": repeats,
        "right": right,
        "accuracy": intervals.share(right, count).to_json(),
        "balanced_accuracy": (
            round(float((hits[there] / sizes[there]).mean()), 4) if count else None
        ),
        "commonest_label_share": round(commonest / count, 4) if count else None,
        "confidence": intervals.CONFIDENCE,
        "sentence": sentence,
    }


def _per_label(judged: Answers, trained: Mapping[str, int]) -> list[dict[str, Any]]:
    matrix = confusion(judged.predicted, judged.targets, len(judged.labels))
    result = []
    for i, label in enumerate(judged.labels):
        right, given, answered = (
            int(n) for n in (matrix[i, i], matrix[i].sum(), matrix[:, i].sum())
        )
        enough = given >= ENOUGH_TO_JUDGE
        result.append(
            {
                "label": label,
                "trained_on": trained.get(label),
                "count": given,
                "answered": answered,
                "right": right,
                "precision": intervals.share(right, answered).to_json(),
                "recall": intervals.share(right, given).to_json(),
                "f1": intervals.f1(right, given - right, answered - right).to_json(),
                "judged": enough,
            }
        )
    return result


def _cross_validation(folds: Answers, suspects: Mapping[str, str]) -> dict[str, Any]:
    """What the training pictures got from heads that had not seen them.

    The heads share most of their pictures and the temperature was fitted to these answers, so
    this counts as a second opinion: its interval is approximate.
    """
    wrong = int((~folds.right).sum())
    matrix = confusion(folds.predicted, folds.targets, len(folds.labels))
    recall = [
        intervals.share(int(row[i]), int(row.sum())).to_json() for i, row in enumerate(matrix)
    ]
    return {
        "count": len(folds.hashes),
        "right": len(folds.hashes) - wrong,
        "accuracy": intervals.share(len(folds.hashes) - wrong, len(folds.hashes)).to_json(),
        "recall": recall,
        "worst_mistakes": mistakes.worst(folds, suspects),
        "sentence": "In cross-validation: " + times_wrong(wrong, len(folds.hashes)),
    }


def _counts(answers: Answers) -> dict[str, int]:
    sizes = np.bincount(answers.targets, minlength=len(answers.labels))
    return {label: int(n) for label, n in zip(answers.labels, sizes, strict=True)}


def _suspects(parts: list[Answers], suspects: Mapping[str, str]) -> dict[str, Any]:
    given = {sha: label for one in parts for sha, label in zip(one.hashes, one.truths, strict=True)}
    # Their order is the caller's: the likeliest first.
    known = [
        {"sha256": sha, "given": given[sha], "suggested": suggested}
        for sha, suggested in suspects.items()
        if sha in given
    ]
    return {"count": len(known), "pictures": known[:_SUSPECTS]}


def _check(parts: list[Answers]) -> None:
    if len({part.labels for part in parts}) > 1:
        raise ModelError(
            "Held-out and out-of-fold answers are about different labels; "
            "pass those of one version.",
            code="answers_do_not_fit",
        )
    unknown = {label for part in parts for label in part.truths} - set(parts[0].labels)
    if unknown:
        raise ModelError(
            f"The version does not know {listed(sorted(unknown))}; leave their pictures out.",
            code="unknown_label",
        )
