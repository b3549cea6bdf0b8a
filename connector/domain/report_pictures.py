"""The pictures behind a report's numbers, as they are now: some were put right meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Image, Label
from connector.domain import labelling

Report = Mapping[str, Any]
Names = Callable[[str], str]

# As many as a person looks through at a sitting; what is settled makes room for the next.
SHOWN = 12
SHOWN_GROUPS = 6
# Groups that are looked up: settled ones among them make room for the next.
MOST_GROUPS = 40


@dataclass(frozen=True)
class Shot:
    """An example as it is now; `label` None: it has none. `there`: its bytes are kept still."""

    example_id: str
    image_id: str
    sha256: str
    name: str
    label: str | None
    there: bool


@dataclass(frozen=True)
class Doubt:
    """A picture whose label and answer differ: `given` is what people said, `other` the model.

    `confidence` is how sure the model was of an answer to a held-out picture; None for a label of
    the training side that is likely wrong. `suspect`: the label is likely the wrong one of the two.
    """

    shot: Shot
    given: str
    other: str
    confidence: float | None = None
    suspect: bool = False


@dataclass(frozen=True)
class Doubts:
    """The first of them, and how many are open in all."""

    first: list[Doubt]
    count: int


def shots(session: Session, classifier: Classifier, hashes: Iterable[str]) -> dict[str, Shot]:
    """Return content hash -> example, for those that the classifier has still."""
    statement = (
        select(Example.id, Image.id, Image.sha256, Example.name, Label.name, Image.deleted_at)
        .join(Image, Image.id == Example.image_id)
        .outerjoin(Label, Label.id == Example.label_id)
        .where(
            Image.workspace_id == classifier.workspace_id,
            Image.sha256.in_(list(hashes)),
            Example.classifier_id == classifier.id,
        )
    )
    return {
        sha256: Shot(example_id, image_id, sha256, name, label, deleted_at is None)
        for example_id, image_id, sha256, name, label, deleted_at in session.execute(statement)
    }


@dataclass(frozen=True)
class Open:
    """What of a report is open still: labels that are likely wrong, the surest mistakes, and groups
    of near-identical pictures with different labels.
    """

    wrong: Doubts
    mistakes: Doubts
    contrary: list[list[Shot]]
    contrary_count: int


def open_doubts(session: Session, classifier: Classifier, report: Report, names: Names) -> Open:
    """Return what a person can settle, without what is settled.

    Settled is what got another label since, and what somebody looked at and found right. Mistakes
    that are likely wrong labels are among the mistakes, with `suspect` set.
    """
    suspects, worst = report["suspects"]["pictures"], report["worst_mistakes"]
    groups = report["near_duplicates"]["contradicting"]
    listed = [*suspects, *worst, *(one for group in groups[:MOST_GROUPS] for one in group)]
    found = shots(session, classifier, {one["sha256"] for one in listed})
    right = labelling.confirmed(session, [one.example_id for one in found.values()])

    def open_ones(entries: Sequence[Mapping[str, Any]], other: str) -> list[Doubt]:
        return [
            Doubt(
                shot=shot,
                given=names(one["given"]),
                other=names(one[other]),
                confidence=one.get("confidence"),
                suspect=bool(one.get("suspect", other == "suggested")),
            )
            for one in entries
            if (shot := found.get(one["sha256"])) is not None
            and shot.label == names(one["given"])
            and right.get(shot.example_id) != shot.label
        ]

    wrong, mistakes = open_ones(suspects, "suggested"), open_ones(worst, "answered")
    # What the report does not list is open for all that anybody knows.
    unlisted = report["suspects"]["count"] - len(suspects)
    contrary = _contrary(groups, found)
    return Open(
        wrong=Doubts(wrong[:SHOWN], len(wrong) + unlisted),
        mistakes=Doubts(mistakes[:SHOWN], len(mistakes)),
        contrary=contrary[:SHOWN_GROUPS],
        contrary_count=len(contrary),
    )


def _contrary(
    groups: Sequence[Sequence[Mapping[str, Any]]], found: Mapping[str, Shot]
) -> list[list[Shot]]:
    """Groups whose members have different labels still."""
    present = [
        [found[one["sha256"]] for one in group if one["sha256"] in found]
        for group in groups[:MOST_GROUPS]
    ]
    return [group for group in present if len({one.label for one in group if one.label}) > 1]
