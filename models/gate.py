"""Whether a new model may take the place of the live one: the policy, apart from the statistics."""

from __future__ import annotations

from dataclasses import dataclass

from models.compare import Comparison


@dataclass(frozen=True)
class Policy:
    """What a new model has to show.

    One that has learned from more than the live one goes live when it is better, or equal and at
    most `slack` (a share of the pictures) less accurate; one that has not, only when it is better.
    """

    slack: float = 0.01


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and why, in a sentence."""

    promote: bool
    reason: str


def judge(comparison: Comparison, *, learned_more: bool, policy: Policy | None = None) -> Verdict:
    """Judge a new model by its comparison (as the challenger) with the live one (the champion).

    `learned_more`: it was trained on labels or pictures that the live one has not seen.
    """
    slack = (policy or Policy()).slack
    if not comparison.count:
        why = "it has learned more" if learned_more else "the live model stays"
        return Verdict(learned_more, f"{comparison.sentence} Meanwhile {why}.")
    if comparison.outcome == "better":
        return Verdict(True, comparison.sentence)
    if comparison.outcome == "worse":
        return Verdict(False, f"{comparison.sentence} The live model stays.")
    if not learned_more:
        return Verdict(
            False, f"{comparison.sentence} With nothing new learned, the live one stays."
        )
    # One picture more or less is no evidence, however few there are.
    if -comparison.gain > max(slack, 1 / comparison.count) + 1e-9:
        lost = comparison.broken - comparison.fixed
        return Verdict(False, f"{comparison.sentence} It errs on {lost} more: the live one stays.")
    return Verdict(True, f"{comparison.sentence} It has learned from more examples, so it goes on.")
