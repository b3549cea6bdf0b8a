"""The error rate in the field, from audits: bounds that hold however often one looks at them.

A random share of the automatic answers is shown to a person. The bounds are a confidence sequence:
with probability 1 - delta they hold at every moment of a model version's life at once, so looking
daily and acting on the first alarm costs no confidence. They come from a beta mixture of likelihood
ratios (Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; see
Waudby-Smith and Ramdas 2023, "Estimating means of bounded random variables by betting"). For the
lower bound the mixture is taken over rates above the tested one only, for the upper bound over
rates below it. Each is then a supermartingale as long as every audited answer had an error rate on
the other side, even where the rate wanders, so by Ville's inequality a rate that never rose above
the promise is called broken with probability at most delta / 2, ever.

Every automatic answer must have the same chance of an audit; counts start anew with a new version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil, log, log1p
from typing import Any, Literal

from scipy.special import betainc, betaincc, betaln

from models.errors import ModelError
from models.wording import percent

Verdict = Literal["holds", "warning", "broken", "unknown"]

# Mean of the mixture where nothing was promised; any other value would be as valid.
_TYPICAL_ERROR = 0.05
# A promise that is just kept shows this many errors before a warning can come of it.
_EXPECTED_ERRORS = 2.0
_HALVINGS = 60


@dataclass(frozen=True)
class LiveError:
    """What audits say of the error among automatic answers, at 95 % confidence at all times.

    `verdict` is "broken" where even the lower bound is above the promised `alpha` (ask people
    again), "warning" where the estimate is and there are enough audits to take it seriously,
    "holds" otherwise (so far), "unknown" without an audit or a promise.
    """

    audits: int
    wrong: int
    alpha: float | None
    low: float
    high: float
    verdict: Verdict

    @property
    def estimate(self) -> float | None:
        """Share of the audited answers that were wrong; unbiased. None without audits."""
        return self.wrong / self.audits if self.audits else None

    @property
    def sentence(self) -> str:
        """The same in words, for a person."""
        if not self.audits:
            return "No automatic answer was audited yet, so the real error is not known."
        found = (
            f"{self.wrong} of {self.audits} audited answers were wrong: between "
            f"{percent(self.low)} and {percent(self.high)} of all automatic answers."
        )
        if self.alpha is None:
            return found
        promised = f"at most {percent(self.alpha)}"
        return {
            "broken": f"The promise of {promised} wrong is broken. {found}",
            "warning": f"The promise of {promised} wrong may not hold any more. {found}",
            "holds": f"Nothing speaks against the promise of {promised} wrong. {found}",
            "unknown": found,
        }[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self) | {"estimate": self.estimate, "sentence": self.sentence}


def live_error(wrong: int, audits: int, alpha: float | None = None) -> LiveError:
    """The error in the field, from `wrong` of `audits` answers, next to a promised rate `alpha`.

    Raises ModelError for counts that cannot be.
    """
    if not 0 <= wrong <= audits:
        raise ModelError(f"{wrong} wrong answers of {audits} audits cannot be; count again.")
    low, high = confidence_sequence(wrong, audits, centre=alpha or _TYPICAL_ERROR)
    return LiveError(audits, wrong, alpha, low, high, _verdict(wrong, audits, alpha, low))


def _verdict(wrong: int, audits: int, alpha: float | None, low: float) -> Verdict:
    if alpha is None or not audits:
        return "unknown"
    if low > alpha:
        return "broken"
    enough = audits >= _EXPECTED_ERRORS / alpha
    return "warning" if enough and wrong > alpha * audits else "holds"


def confidence_sequence(
    wrong: float, audits: float, *, centre: float = _TYPICAL_ERROR, delta: float = 0.05
) -> tuple[float, float]:
    """Lower and upper bound of an error rate, valid at all times together with 1 - delta.

    `centre` is the mean of the mixture, Beta(1/2, 1/(2 centre) - 1/2): chosen beforehand, it
    decides around which rate the bounds are tightest and not whether they hold. Set to the promise
    it notices a tripled error about 30 % sooner than Jeffreys' Beta(1/2, 1/2) and confirms as soon.
    """
    if not audits:
        return 0.0, 1.0
    prior, rate = (0.5, max(0.5 / centre - 0.5, 0.5)), wrong / audits
    level = log(2 / delta)

    def refuted(p: float, tail: Callable[..., float]) -> bool:
        return _log_mixture(wrong, audits, p, prior, tail) >= level

    low = _last(lambda p: refuted(p, betaincc), 0.0, rate) if wrong else 0.0
    high = _last(lambda p: refuted(p, betainc), 1.0, rate) if wrong < audits else 1.0
    return low, high


def _log_mixture(
    wrong: float, audits: float, p: float, prior: tuple[float, float], tail: Callable[..., float]
) -> float:
    """Log of the mean likelihood ratio to rate p, over the prior's rates on one side of p."""
    a, b = prior
    after, before = tail(a + wrong, b + audits - wrong, p), tail(a, b, p)
    if after <= 0 or before <= 0:
        # Underflow, which happens only where p is likelier than anything beyond it.
        return 0.0
    own = wrong * log(p) + (audits - wrong) * log1p(-p)
    mixed = betaln(a + wrong, b + audits - wrong) - betaln(a, b)
    return float(mixed + log(after) - log(before) - own)


def _last(refuted: Callable[[float], bool], outside: float, inside: float) -> float:
    """The rate nearest to `inside` up to which all from `outside` on are refuted, by bisection."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if not 0 < middle < 1:
            break
        if refuted(middle):
            outside = middle
        else:
            inside = middle
    return outside


@dataclass(frozen=True)
class AuditPlan:
    """What an audit share costs and buys; days are None where it would take over ten years."""

    share: float
    audits_per_day: float
    high_after: dict[int, float]
    days_to_confirm: int | None
    days_to_notice_double: int | None


def audit_plan(
    share: float,
    answers_per_day: float,
    alpha: float,
    *,
    expected_error: float | None = None,
    days: tuple[int, ...] = (7, 30, 90),
) -> AuditPlan:
    """What auditing `share` of `answers_per_day` automatic answers tells of a promise `alpha`.

    `high_after` gives for each of `days` the upper bound to expect then if `expected_error` (half
    the promise if not given) of the answers are wrong; `days_to_confirm` when that bound comes
    below the promise; `days_to_notice_double` when an error of twice the promise would be called
    broken. Raises ModelError for a share outside 0 to 1.
    """
    if not 0 < share <= 1 or answers_per_day <= 0:
        raise ModelError("An audit plan needs a share above 0 and at most 1, and answers a day.")
    error = alpha / 2 if expected_error is None else expected_error
    per_day = share * answers_per_day

    def bounds(rate: float, day: int) -> tuple[float, float]:
        return confidence_sequence(rate * day * per_day, day * per_day, centre=alpha)

    return AuditPlan(
        share=share,
        audits_per_day=per_day,
        high_after={day: bounds(error, day)[1] for day in days},
        days_to_confirm=_first_day(lambda day: bounds(error, day)[1] <= alpha),
        days_to_notice_double=_first_day(lambda day: bounds(min(1.0, 2 * alpha), day)[0] > alpha),
    )


def _first_day(reached: Callable[[int], bool], limit: int = 3650) -> int | None:
    """The first day, of at most `limit`, on which something lasting is reached."""
    if not reached(limit):
        return None
    early, late = 0, limit
    while late - early > 1:
        middle = ceil((early + late) / 2)
        early, late = (early, middle) if reached(middle) else (middle, late)
    return late
