"""Which pictures to add next: a forecast for all labels and for each, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models import learning_curve, thinning
from models.learning_curve import Curve
from models.thinning import Problem, Thinned
from models.wording import counted, listed, points, tenths

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARES = (0.125, 0.25, 0.5, 1.0)
# A forecast that is wrong one time in ten is still worth acting on.
CONFIDENCE = 0.9
# A smaller fall of the share of wrong answers is not worth somebody's morning.
WORTH = 0.005
# By this factor the best label must be ahead of the next to be named alone.
_AHEAD = 1.2
_FEWEST = 20
_LABELS = 6
_STEPS = (10, 20, 30, 40, 60, 80, 100, 150, 200)


@dataclass(frozen=True)
class _Label:
    """A label with its pictures, and the draws of what `more` of it would save."""

    name: str
    pictures: int
    more: int
    gain: Floats | None
    own_mistakes: float


def build(
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    labels: Sequence[str],
    *,
    strength: float,
    groups: Ints | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Learning curve and forecast from the pictures that a head was trained on; fit for JSON.

    `embeddings` [N, D] and `targets` [N] as for `fitting.fit`, one row a picture, `strength` what
    it chose, `groups` [N] which pictures are near-identical. All intervals hold with CONFIDENCE.
    A few seconds on one core, whatever N; deterministic for a seed.
    """
    sizes = np.bincount(targets, minlength=len(labels))
    if len(targets) < _FEWEST or (sizes >= 2).sum() < 2:
        sentence = f"{counted(len(targets), 'picture')} are too few for a forecast."
        return {"points": [], "as_many_again": None, "labels": [], "next": sentence}
    whole = thinning.problem(embeddings, targets, len(labels), strength=strength, groups=groups)
    # Hundreds of small heads: more threads would wait for each other.
    with threadpool_limits(1, user_api="blas"):
        thinned = thinning.curve(whole, SHARES, seed=seed)
        curve = learning_curve.fit(thinned, whole.groups, seed)
        each = _labels(whole, thinned, curve, labels, seed)
    again = _again(curve, len(targets))
    described = [_describe(one) for one in each]
    return {
        "confidence": CONFIDENCE,
        "points": _points(thinned, curve, len(targets)),
        "as_many_again": again,
        "labels": described,
        "next": _next(again, described),
    }


def interval(draws: Floats) -> dict[str, float]:
    """Median and the interval that holds CONFIDENCE of the draws."""
    tail = (1 - CONFIDENCE) / 2
    low, middle, high = (float(q) for q in np.quantile(draws, [tail, 0.5, 1 - tail]))
    return {"value": round(middle, 4), "low": round(low, 4), "high": round(high, 4)}


def verdict(draws: Floats, least: float = 0.0) -> str:
    """`worth` it, `enough` already, or `cannot_tell`, of the draws of a gain."""
    found = interval(draws)
    if found["low"] > least and found["value"] >= WORTH:
        return "worth"
    return "enough" if found["high"] < 2 * WORTH and found["value"] < WORTH else "cannot_tell"


def _points(thinned: Thinned, curve: Curve, now: int) -> list[dict[str, Any]]:
    """What was seen at each size, and what the curve says of this one and those to come."""
    measured = np.nanmean(thinned.wrong, axis=1)
    sizes = [*thinned.sizes, now, 1.5 * now, 2 * now, 4 * now]
    return [
        {
            "pictures": round(size),
            "measured": round(float(measured[i]), 4) if i < len(measured) else None,
            "error": interval(curve.errors(size)),
        }
        for i, size in enumerate(sizes)
    ]


def _again(curve: Curve, now: int) -> dict[str, Any]:
    """What as many pictures again, of all labels alike, would do."""
    gain = curve.gain(now, now)
    found, name = interval(gain), verdict(gain)
    more = counted(now, "more picture")
    if name == "worth":
        sentence = f"{more} over all labels would cut errors by about {_range(found)}."
    elif name == "enough":
        sentence = f"{more} over all labels would hardly help: by {_at_most(found)}."
    else:
        sentence = (
            f"Whether {more} over all labels would help cannot be told yet: "
            f"{_at_most(found)} fewer errors."
        )
    return {"more": now, "gain": found, "verdict": name, "sentence": sentence}


def _labels(
    whole: Problem, thinned: Thinned, curve: Curve, labels: Sequence[str], seed: int
) -> list[_Label]:
    """Each label; for those with the most mistakes it is tried what adding to them alone does."""
    full = np.nan_to_num(thinned.wrong[-1])
    own = np.bincount(whole.targets, full, len(labels))
    asked = max(1, int((~np.isnan(thinned.wrong[-1])).sum()))
    sizes = np.bincount(whole.targets, minlength=len(labels))
    more = [max(step for step in _STEPS if step <= max(n, _STEPS[0])) for n in sizes]
    tried = [i for i in np.argsort(-own, kind="stable") if sizes[i] >= 4 and own[i] > 0][:_LABELS]
    each = []
    for i in tried:
        added = thinning.with_one_whole(whole, int(i), seed=seed, share=1 / _LABELS)
        gain = _label_gain(added, curve, whole.groups, int(sizes[i]), more[i], seed + int(i))
        each.append(gain / more[i])
    gains = {i: draws * more[i] for i, draws in zip(tried, shrunk(each, seed), strict=True)}
    return [
        _Label(name, int(sizes[i]), more[i], gains.get(i), float(own[i]) / asked)
        for i, name in enumerate(labels)
    ]


def shrunk(gains: Sequence[Floats], seed: int = 0) -> list[Floats]:
    """Draws of several gains, drawn towards their mean as far as chance may have set them apart.

    The largest of several uncertain numbers is too large on average; this takes that back (Efron
    & Morris 1975, "Data analysis using Stein's estimator and its generalizations"). A single
    one stays as it is.
    """
    if len(gains) < 2:
        return list(gains)
    means = np.array([draws.mean() for draws in gains])
    doubt = float(np.mean([draws.var() for draws in gains]))
    real = max(0.0, float(means.var(ddof=1)) - doubt)
    kept = real / max(real + doubt, 1e-18)
    unsure = np.sqrt(doubt / len(gains)) * (1 - kept)
    centre = means.mean() + unsure * np.random.default_rng(seed).normal(size=len(gains[0]))
    return [
        centre + kept * (mean - means.mean()) + np.sqrt(kept) * (draws - mean)
        for mean, draws in zip(means, gains, strict=True)
    ]


def _label_gain(
    added: Thinned, curve: Curve, groups: Ints, pictures: int, more: int, seed: int
) -> Floats:
    """Draws of the gain of `more` pictures of a label, from what half of them was worth."""
    asked = ~np.isnan(added.wrong[0])
    random = np.random.default_rng(seed)
    drawn = learning_curve.redrawn(added.wrong[:, asked], groups[asked], random)
    powers = -random.choice(curve.exponent, drawn.shape[1])
    few, many = (added.sizes[i] ** powers for i in (0, 1))
    ahead = float(pictures) ** powers - float(pictures + more) ** powers
    gain = (drawn[0] - drawn[1]) / (few - many) * ahead
    return np.asarray(gain * random.choice(curve.scatter, len(gain)))


def _describe(one: _Label) -> dict[str, Any]:
    result = {"label": one.name, "pictures": one.pictures, "more": one.more}
    if one.gain is None:
        return result | _unmeasured(one)
    found, name = interval(one.gain), verdict(one.gain)
    if name == "worth":
        sentence = f"{one.more} more of '{one.name}' would cut errors by about {_range(found)}."
    elif name == "enough":
        sentence = f"'{one.name}' has enough: {one.more} more would save {_at_most(found)}."
    else:
        sentence = (
            f"Whether {one.more} more of '{one.name}' would help cannot be told yet: "
            f"{_at_most(found)} fewer errors."
        )
    return result | {"gain": found, "verdict": name, "sentence": sentence}


def _unmeasured(one: _Label) -> dict[str, Any]:
    """A label that was not thinned out: more of it cannot save more than its own mistakes."""
    share = points(one.own_mistakes)
    if one.pictures < 4:
        name, sentence = "cannot_tell", f"{counted(one.pictures, 'picture')} of '{one.name}' "
        sentence += "are too few to tell what more would do: add some first."
    elif one.own_mistakes < WORTH:
        name, sentence = "enough", f"'{one.name}' has enough: its mistakes are {share} of all."
    else:
        name, sentence = "cannot_tell", f"More of '{one.name}' was not tried: other labels have "
        sentence += f"more mistakes than its {share}."
    return {"gain": None, "verdict": name, "sentence": sentence}


def _next(again: dict[str, Any], labels: Sequence[dict[str, Any]]) -> str:
    """The one best thing to do, as a sentence."""
    worth = sorted(
        (one for one in labels if one["verdict"] == "worth"),
        key=_per_picture,
        reverse=True,
    )
    if len(worth) == 1 or (worth and _per_picture(worth[0]) > _AHEAD * _per_picture(worth[1])):
        return str(worth[0]["sentence"])
    if again["verdict"] == "worth":
        return f"{again['sentence']} No single label stands out."
    if again["verdict"] == "enough":
        return "More pictures would hardly help; look at the worst mistakes and at wrong labels."
    enough = [one["label"] for one in labels if one["verdict"] == "enough"]
    return str(again["sentence"]) + (f" {listed(enough)} can wait." if enough else "")


def _per_picture(label: dict[str, Any]) -> float:
    return float(label["gain"]["value"] / label["more"])


def _range(found: dict[str, float]) -> str:
    low, high = max(found["low"], 0.0), found["high"]
    return f"{points(found['value'])} (between {tenths(low)} and {tenths(high)})"


def _at_most(found: dict[str, float]) -> str:
    return f"at most {points(max(found['high'], 0.0))}"
