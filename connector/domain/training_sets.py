"""What there is to learn from: labelled pictures as they are now, and whether they are enough."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Image, Label
from connector.domain import classifiers
from connector.errors import Unprocessable

# A label with fewer examples cannot be learned and scored at all.
FEWEST = 2
ORIENTATION = "orientation"


@dataclass(frozen=True)
class Labelled:
    """One picture to train on or to score with."""

    sha256: str
    label: str


@dataclass(frozen=True)
class TrainingSet:
    """What a run trains with: labels in their order, pictures, and labels with too few examples.

    `sides_matter`: somebody said so, thus nothing is to be learned from mirror images.
    """

    recipe: str
    labels: tuple[str, ...]
    pictures: tuple[Labelled, ...]
    left_out: tuple[str, ...]
    sides_matter: bool = False

    @property
    def notice(self) -> str | None:
        """A sentence about labels that the model will not know."""
        if not self.left_out:
            return None
        names = ", ".join(self.left_out)
        return f"Left out for having fewer than {FEWEST} examples: {names}."


def training_set(session: Session, classifier_id: str) -> TrainingSet:
    """Return the pictures with their labels as they are now, in a fixed order."""
    wanted = select(Classifier.recipe, Classifier.sides_matter)
    said = session.execute(wanted.where(Classifier.id == classifier_id)).one()
    statement = (
        select(Label.name, Image.sha256)
        .join(Example, Example.label_id == Label.id)
        .join(Image, Image.id == Example.image_id)
        .where(Label.classifier_id == classifier_id)
        .order_by(Label.position, Label.name, Image.sha256)
    )
    by_label: dict[str, list[str]] = {}
    for label, sha256 in session.execute(statement):
        by_label.setdefault(label, []).append(sha256)
    # Which way is up is learned from any picture whose label says how it lies.
    fewest = 1 if said.recipe == ORIENTATION else FEWEST
    names = tuple(name for name, hashes in by_label.items() if len(hashes) >= fewest)
    return TrainingSet(
        recipe=said.recipe,
        labels=names,
        pictures=tuple(Labelled(sha256, name) for name in names for sha256 in by_label[name]),
        left_out=tuple(name for name in by_label if name not in names),
        sides_matter=said.sides_matter,
    )


def check_examples(session: Session, classifier: Classifier) -> None:
    """Raise Unprocessable (not_enough_examples) with what is missing for a training."""
    counts = classifiers.example_counts(session, classifier)
    if classifier.recipe == ORIENTATION:
        _check_upright(classifier, sum(counts.values()))
        return
    enough = [name for name, count in counts.items() if count >= FEWEST]
    if len(enough) >= 2:
        return
    short = [
        f"“{name}” has {count} and needs {FEWEST - count} more"
        for name, count in counts.items()
        if count < FEWEST
    ]
    missing = "; ".join(short) if short else ""
    labels = "no labels yet" if not counts else f"{len(enough)} such label(s)"
    raise Unprocessable(
        f"Training needs at least two labels with {FEWEST} examples each, better about 100; "
        f"{classifier.name!r} has {labels}{': ' + missing if missing else ''}. Add examples (POST "
        f"/api/v1/classifiers/{classifier.id}/examples, or `colabel import`), then train again.",
        code="not_enough_examples",
        examples=counts,
    )


def _check_upright(classifier: Classifier, count: int) -> None:
    if count < FEWEST:
        raise Unprocessable(
            f"Learning which way is up needs at least {FEWEST} upright pictures, better about 100; "
            f"{classifier.name!r} has {count}. Add some (POST /api/v1/classifiers/{classifier.id}"
            "/examples with label=upright, or `colabel import`), then train again.",
            code="not_enough_examples",
            examples={"upright": count},
        )
