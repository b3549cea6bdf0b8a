"""What several annotators of Label Studio said of one picture, and the one label it comes to.

The rule: an annotation that was marked as the ground truth counts alone. Else the label that most
annotators gave is taken, and of labels that as many gave, the one that was given last. What was
skipped (cancelled) says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import Unprocessable

Annotation = Mapping[str, Any]
# How deep a choice may be wrapped.
DEEPEST = 5


@dataclass(frozen=True)
class Vote:
    """An annotation: the labels in it, of which one is wanted, by whom, and when (ISO 8601).

    `drawn`: it holds something, but no choice; boxes, say.
    """

    labels: tuple[str, ...]
    by: str | None = None
    at: str = ""
    is_truth: bool = False
    drawn: bool = False

    @classmethod
    def minimal(cls, record: Annotation, control: str) -> Vote:
        """Return what a record of JSON-MIN says under the key `control`."""
        return cls(
            _chosen(record[control]),
            _who(record.get("annotator")),
            _when(record),
        )


@dataclass(frozen=True)
class Settled:
    """What several votes come to; `problem` and `note` are a code and a sentence each."""

    label: str | None = None
    by: str | None = None
    problem: tuple[str, str] | None = None
    note: tuple[str, str] | None = None


def votes_of(annotations: Sequence[object], control: str = "") -> list[Vote]:
    """Return the votes of a task's annotations that were not skipped.

    Raises Unprocessable (which_control) where there are several choices and `control` names none.
    """
    return [
        _vote(one, control)
        for one in annotations
        if isinstance(one, dict) and not (one.get("was_cancelled") or one.get("skipped"))
    ]


def settle(votes: Sequence[Vote]) -> Settled:
    """Return the label that these votes come to, by the rule above."""
    counted = [one for one in votes if one.is_truth and one.labels] or votes
    single = [one for one in counted if len(one.labels) == 1]
    if not single:
        return Settled(problem=_why_none(counted))
    counts = Counter(one.labels[0] for one in single)
    most = max(counts.values())
    last = max((one for one in single if counts[one.labels[0]] == most), key=lambda one: one.at)
    label = last.labels[0]
    return Settled(label, last.by, note=_disagreed(counts, label))


def _disagreed(counts: Counter[str], label: str) -> tuple[str, str] | None:
    if len(counts) == 1:
        return None
    said = ", ".join(f"{count} × “{name}”" for name, count in counts.most_common())
    alone = list(counts.values()).count(counts[label]) == 1
    why = "which most of them said" if alone else "which was said last"
    return "annotators_disagree", f"Annotators said {said}; “{label}” was taken, {why}."


def _why_none(votes: Sequence[Vote]) -> tuple[str, str] | None:
    several = next((one for one in votes if len(one.labels) > 1), None)
    if several is not None:
        names = ", ".join(several.labels)
        return "several_labels", f"It has several labels ({names}), and a picture here has one."
    if any(one.drawn for one in votes):
        return "no_choice", "Its annotation holds no choice; boxes and texts are not taken."
    return None


def _vote(annotation: Annotation, control: str) -> Vote:
    result = annotation.get("result")
    results = [one for one in result if isinstance(one, dict)] if isinstance(result, list) else []
    choices: dict[str, dict[str, None]] = {}
    for one in results:
        value = one.get("value")
        if isinstance(value, dict) and "choices" in value:
            of_control = choices.setdefault(str(one.get("from_name", "")), {})
            of_control.update(dict.fromkeys(_chosen(value)))
    if len(choices) > 1 and not control:
        names = ", ".join(sorted(choices))
        raise Unprocessable(
            f"Labels could be told by {names}; say which of them to take.", code="which_control"
        )
    name = control or next(iter(choices), "")
    return Vote(
        tuple(choices.get(name, ())),
        _who(annotation.get("completed_by")),
        _when(annotation),
        bool(annotation.get("ground_truth")),
        drawn=bool(results) and not choices,
    )


def _chosen(value: object, depth: int = 0) -> tuple[str, ...]:
    """The labels in a value, however it is wrapped: a text, {"choices": […]}, or a list of them."""
    if isinstance(value, dict | list) and depth < DEEPEST:
        inside = value if isinstance(value, list) else [value.get("choices")]
        found = [name for one in inside for name in _chosen(one, depth + 1)]
        return tuple(dict.fromkeys(found))
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return (text,) if text else ()


def _who(value: object) -> str | None:
    if isinstance(value, dict):
        name = " ".join(str(value.get(part) or "") for part in ("first_name", "last_name")).strip()
        said = value.get("email") or name or value.get("id")
        return _who(said) if not isinstance(said, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    return value if isinstance(value, str) else f"annotator {value}"


def _when(annotation: Annotation) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")
