"""A person says of a picture something else than was said of it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["same", "near_identical"]


@dataclass(frozen=True)
class Contradiction:
    """An example that says otherwise, and the label it had when that was found.

    `kind` "same": the very same bytes, so that the example now has the new label. "near_identical":
    another example, whose label stays as it is.
    """

    kind: Kind
    example_id: str
    label: str
    sentence: str


def same_picture(example_id: str, before: str | None, now: str | None) -> Contradiction | None:
    """Return the contradiction of labelling the same bytes `now`, which were `before`, if any."""
    if before is None or now is None or before == now:
        return None
    sentence = f"This same picture was labelled “{before}” before; now it is “{now}”."
    return Contradiction("same", example_id, before, sentence)


def near_identical(example_id: str, label: str, now: str) -> Contradiction:
    """Return the contradiction of labelling a picture `now` of which a copy is labelled `label`."""
    sentence = f"A picture that looks the same is labelled “{label}”; this one is “{now}” now."
    return Contradiction("near_identical", example_id, label, sentence)


def resource(found: Contradiction | None) -> dict[str, Any] | None:
    """Return what is shown of it as JSON values, or None when there is none."""
    if found is None:
        return None
    return {
        "kind": found.kind,
        "example_id": found.example_id,
        "label": found.label,
        "sentence": found.sentence,
    }
