"""What a classifier may promise about its automatic answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, ClassVar

from models.errors import ModelError
from models.wording import percent


@dataclass(frozen=True)
class AskNothing:
    """Nobody is asked; nothing is promised."""

    kind: ClassVar[str] = "none"

    @property
    def sentence(self) -> str:
        """In words."""
        return "Nobody is asked: every answer is automatic."


@dataclass(frozen=True)
class ErrorRate:
    """At most `alpha` (0 to 1) of the automatic answers are wrong, with 95 % confidence."""

    kind: ClassVar[str] = "error_rate"
    alpha: float

    def __post_init__(self) -> None:
        _check_rate(self.alpha)

    @property
    def sentence(self) -> str:
        """In words."""
        return f"At most {percent(self.alpha)} of the automatic answers wrong, with 95 % confidence"


@dataclass(frozen=True)
class ErrorRatePerLabel:
    """The same for the automatic answers of each label, each with 95 % confidence of its own."""

    kind: ClassVar[str] = "per_label"
    alpha: float

    def __post_init__(self) -> None:
        _check_rate(self.alpha)

    @property
    def sentence(self) -> str:
        """In words."""
        return (
            f"At most {percent(self.alpha)} of each label's automatic answers wrong, "
            "with 95 % confidence for each label"
        )


@dataclass(frozen=True)
class Capacity:
    """People answer `questions_per_day` of `pictures_per_day`; the rest is automatic."""

    kind: ClassVar[str] = "capacity"
    questions_per_day: float
    pictures_per_day: float

    def __post_init__(self) -> None:
        finite = isfinite(self.questions_per_day) and isfinite(self.pictures_per_day)
        if not (finite and self.questions_per_day >= 0 and self.pictures_per_day > 0):
            raise ModelError(
                "Say how many questions a day people can answer (0 or more), "
                "and how many pictures a day arrive (more than 0).",
                code="bad_promise",
            )

    @property
    def share(self) -> float:
        """The share of pictures that may be asked about, 0 to 1."""
        return min(1.0, self.questions_per_day / self.pictures_per_day)

    @property
    def sentence(self) -> str:
        """In words."""
        return f"{self.questions_per_day:g} questions a day of {self.pictures_per_day:g} pictures"


Promise = AskNothing | ErrorRate | ErrorRatePerLabel | Capacity
_KINDS: dict[str, type[Promise]] = {
    kind.kind: kind for kind in (AskNothing, ErrorRate, ErrorRatePerLabel, Capacity)
}


def to_json(promise: Promise) -> dict[str, Any]:
    """Plain values, {"kind": …, …}."""
    return {"kind": promise.kind, **asdict(promise)}


def from_json(data: Mapping[str, Any]) -> Promise:
    """Read what `to_json` gives; ModelError (code bad_promise) for anything else."""
    kind = _KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ModelError(
            f"There is no promise of the kind {data.get('kind')!r}; "
            f"the kinds are {', '.join(_KINDS)}.",
            code="bad_promise",
        )
    values = {name: value for name, value in data.items() if name != "kind"}
    try:
        return kind(**{name: float(value) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"A promise of the kind {kind.kind} is given by numbers for "
            f"{', '.join(kind.__dataclass_fields__) or 'nothing'}; got {sorted(values)}.",
            code="bad_promise",
        ) from error


def _check_rate(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ModelError(
            "A promised error rate lies between 0 and 1, such as 0.02; no finite number of "
            "pictures can show that there will be no errors at all.",
            code="bad_promise",
        )
