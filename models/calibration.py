"""Can the confidence be taken at its word? Reliability, and how much of its error is chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from scipy.stats import rankdata

from models.answers import Answers
from models.intervals import share
from models.metrics import calibration_error, log_loss
from models.wording import counted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BINS = 10
_PER_BIN = 15
_ENOUGH = 30
_DRAWS = 400
_SIGNIFICANT = 0.05


def untempered(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities [N, K] that a model gave before its logits were divided by temperature."""
    logarithms = np.log(np.clip(probabilities, 1e-300, None))
    return np.asarray(np.exp(log_softmax(logarithms * temperature, axis=1)))


def brier(probabilities: Floats, targets: Ints) -> float:
    """Mean squared distance to the truth, 0 to 2 (Brier 1950, "Verification of forecasts …")."""
    distances = probabilities.copy()
    distances[np.arange(len(targets)), targets] -= 1
    return float(np.square(distances).sum(axis=1).mean())


def equal_mass_bins(confidence: Floats) -> Ints:
    """The bin of each picture [N]: about equally many in each, equal confidences in one bin."""
    count = int(np.clip(len(confidence) // _PER_BIN, 1, _BINS))
    middle = (rankdata(confidence) - 0.5) / max(len(confidence), 1)
    return np.asarray(np.minimum((middle * count).astype(np.int64), count - 1))


def adaptive_error(confidence: Floats, right: Bools) -> float:
    """Calibration error in bins of equal mass (Nguyen & O'Connor 2015, "Posterior calibration and
    exploratory analysis for natural language processing models").
    """
    return float(_errors(confidence, right[None].astype(np.float64))[0])


def chance_errors(confidence: Floats, seed: int = 0) -> Floats:
    """Adaptive errors [draws] that a perfectly calibrated model would show with these confidences.

    A binned error is above zero even without any fault, the more the fewer pictures there are
    (Kumar, Liang & Ma 2019, "Verified uncertainty calibration"); this is by how much.
    """
    ordered = np.sort(confidence)
    draws = np.random.default_rng(seed).uniform(size=(_DRAWS, len(ordered))) < ordered
    return _errors(ordered, draws.astype(np.float64))


def _errors(confidence: Floats, right: Floats) -> Floats:
    """[N], [draws, N] -> mean over pictures of |right - confidence| by bin, float [draws]."""
    bins = equal_mass_bins(confidence)
    member = np.eye(int(bins.max(initial=0)) + 1)[bins]
    gaps = np.abs((right - confidence) @ member)
    return np.asarray(gaps.sum(axis=1) / max(len(confidence), 1))


def reliability(confidence: Floats, right: Bools) -> list[dict[str, Any]]:
    """Per bin of equal mass: how sure the model was, and how often it was right."""
    bins, result = equal_mass_bins(confidence), []
    for one in np.unique(bins):
        inside = bins == one
        result.append(
            {
                "count": int(inside.sum()),
                "from": round(float(confidence[inside].min()), 4),
                "to": round(float(confidence[inside].max()), 4),
                "confidence": round(float(confidence[inside].mean()), 4),
                "right": share(int(right[inside].sum()), int(inside.sum())).to_json(),
            }
        )
    return result


def describe(answers: Answers, temperature: float) -> dict[str, Any]:
    """Calibration of held-out answers, before and after temperature; plain values, fit for JSON.

    `verdict` is "too_few", "no_fault_found" (no worse than chance makes it), "too_sure",
    "too_modest" or "uneven" (off in places, right on average).
    """
    if not answers.hashes:
        return {"count": 0, "verdict": "too_few", "sentence": _sentence("too_few", answers, 0, 0)}
    before = untempered(answers.probabilities, temperature)
    error = adaptive_error(answers.confidence, answers.right)
    chance = chance_errors(answers.confidence)
    # Equal errors may differ in the last digits by the order in which they were added up.
    p_value = (1 + int((chance >= error - 1e-9).sum())) / (1 + len(chance))
    verdict = _verdict(answers, p_value)
    return {
        "count": len(answers.hashes),
        "temperature": round(temperature, 4),
        "ece": round(calibration_error(answers.probabilities, answers.targets), 4),
        "ece_before_temperature": round(calibration_error(before, answers.targets), 4),
        "adaptive_ece": round(error, 4),
        "adaptive_ece_by_chance": round(float(chance.mean()), 4),
        "adaptive_ece_by_chance_95": round(float(np.quantile(chance, 0.95)), 4),
        "p_value": round(p_value, 4),
        "log_loss": round(log_loss(answers.probabilities, answers.targets), 4),
        "log_loss_before_temperature": round(log_loss(before, answers.targets), 4),
        "brier": round(brier(answers.probabilities, answers.targets), 4),
        "mean_confidence": round(float(answers.confidence.mean()), 4),
        "accuracy": round(float(answers.right.mean()), 4),
        "bins": reliability(answers.confidence, answers.right),
        "verdict": verdict,
        "sentence": _sentence(verdict, answers, error, float(np.quantile(chance, 0.95))),
    }


def _verdict(answers: Answers, p_value: float) -> str:
    if len(answers.hashes) < _ENOUGH:
        return "too_few"
    if p_value >= _SIGNIFICANT:
        return "no_fault_found"
    found = share(int(answers.right.sum()), len(answers.hashes))
    claimed = float(answers.confidence.mean())
    return "too_sure" if claimed > found.high else "too_modest" if claimed < found.low else "uneven"


def _sentence(verdict: str, answers: Answers, error: float, chance: float) -> str:
    pictures = counted(len(answers.hashes), "picture")
    if verdict == "too_few":
        return f"Whether the confidence can be taken at its word cannot be told from {pictures}."
    off = f"{error:.1%} on average, and chance alone makes up to {chance:.1%} of {pictures}"
    if verdict == "no_fault_found":
        return f"The confidence can be taken at its word as far as can be told: it is off by {off}."
    claimed, right = float(answers.confidence.mean()), float(answers.right.mean())
    if verdict == "uneven":
        return f"The confidence is right on average but off in places: by {off}."
    name = "too sure of itself" if verdict == "too_sure" else "more often right than it claims"
    return f"The model is {name}: {claimed:.0%} confident on average, {right:.0%} right."
