"""Labels that change: added, renamed, merged, removed, without a picture being sent again.

Examples belong to a label by its id, so they follow it; rules follow by `label_rules`; and until it
is retrained, the live model's answers are read by `aliases`. What was asked and answered before
keeps its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Label, ModelVersion
from connector.db.types import utcnow
from connector.domain import aliases, audit_log, changes, classifiers, label_rules, promises
from connector.errors import Conflict, NotFound, Unprocessable

# What becomes of the examples of a label that is removed.
Fate = Literal["unlabel", "delete"]
FATES: tuple[Fate, ...] = ("unlabel", "delete")


def get_label(session: Session, classifier: Classifier, label_id: str) -> Label:
    """Return one label. Raises NotFound."""
    label = session.get(Label, label_id)
    if label is None or label.classifier_id != classifier.id:
        raise NotFound(
            f"There is no label {label_id} here; "
            f"see GET /api/v1/classifiers/{classifier.id}/labels."
        )
    return label


def add_label(session: Session, classifier: Classifier, name: str) -> Label:
    """Make a label, after the others; examples may come later.

    Raises Conflict for a taken name or a recipe's fixed labels, Unprocessable for a bad name.
    """
    held = _hold(session, classifier)
    _check_free(session, held, classifiers.label_name(name))
    return classifiers.ensure_label(session, held, name)


def rename_label(session: Session, classifier: Classifier, label_id: str, name: str) -> Label:
    """Call a label otherwise, with its examples and rules.

    Raises NotFound, Conflict for a taken name or a recipe's fixed labels, Unprocessable.
    """
    held = _hold(session, classifier)
    label = get_label(session, held, label_id)
    old, new = label.name, classifiers.label_name(name)
    if new == old:
        return label
    _check_free(session, held, new)
    label.name = new
    label_rules.follow(session, held, old, new)
    _changed(session, held, old, new, 1)
    before, after = {"name": old}, {"name": new}
    audit_log.note_in(session, held, "label.renamed", label.id, before=before, after=after)
    return label


def move_label(session: Session, classifier: Classifier, label_id: str, position: int) -> Label:
    """Put a label at this place (from 0) among the others. Raises NotFound, Conflict."""
    held = _hold(session, classifier)
    label = get_label(session, held, label_id)
    others = [one for one in classifiers.labels(session, held) if one.id != label.id]
    before = audit_log.brief(label, "position")
    _number([*others[:position], label, *others[position:]])
    session.flush()
    after = audit_log.brief(label, "position")
    audit_log.note_in(session, held, "label.moved", label.id, before=before, after=after)
    return label


def merge_labels(session: Session, classifier: Classifier, label_id: str, into_id: str) -> Label:
    """Make one label of two: examples and rules of `label_id` go to `into_id`, which is returned.

    Raises NotFound, Conflict for a recipe's fixed labels, Unprocessable for one and the same label.
    """
    held = _hold(session, classifier)
    label, into = get_label(session, held, label_id), get_label(session, held, into_id)
    if label.id == into.id:
        raise Unprocessable(
            f"“{label.name}” cannot be merged into itself; name another label.", code="same_label"
        )
    moved = _examples(session, label)
    session.execute(
        update(Example)
        .where(Example.label_id == label.id)
        .values(label_id=into.id, labelled_at=utcnow())
    )
    label_rules.follow(session, held, label.name, into.name)
    # Nothing was measured for the two labels together.
    held.operating = None
    _gone(session, held, label, into.name, moved)
    after = {"name": label.name, "into": into.name, "examples": moved}
    audit_log.note_in(session, held, "label.merged", label_id, after=after)
    return into


def remove_label(
    session: Session, classifier: Classifier, label_id: str, examples: Fate | None = None
) -> None:
    """Take a label away, its rules out of force, and unlabel or delete its examples.

    Raises NotFound, Conflict for a recipe's fixed labels, and for a label that has examples while
    nothing is said about them (label_has_examples).
    """
    held = _hold(session, classifier)
    label = get_label(session, held, label_id)
    count = _examples(session, label)
    if count and examples is None:
        raise Conflict(
            f"“{label.name}” has {count} example(s). Merge it into another label, or say what "
            "becomes of them: examples=unlabel keeps the pictures, to be labelled anew; "
            "examples=delete forgets them.",
            code="label_has_examples",
            examples=count,
        )
    if examples == "delete":
        session.execute(delete(Example).where(Example.label_id == label.id))
    else:
        session.execute(
            update(Example)
            .where(Example.label_id == label.id)
            .values(label_id=None, labelled_at=None, labelled_by=None)
        )
    label_rules.retire(session, held, label.name)
    _gone(session, held, label, None, count)
    before = {"name": label.name, "examples": count, "fate": examples}
    audit_log.note_in(session, held, "label.removed", label_id, before=before)


def resource(session: Session, label: Label) -> dict[str, Any]:
    """Return what is shown of one label as JSON values."""
    return _shown(label, _examples(session, label))


def resources(session: Session, classifier: Classifier) -> list[dict[str, Any]]:
    """Return what is shown of all labels, in their order."""
    counts = classifiers.example_counts(session, classifier)
    return [_shown(label, counts[label.name]) for label in classifiers.labels(session, classifier)]


def _shown(label: Label, examples: int) -> dict[str, Any]:
    return {
        "id": label.id,
        "classifier_id": label.classifier_id,
        "name": label.name,
        "position": label.position,
        "examples": examples,
    }


def _hold(session: Session, classifier: Classifier) -> Classifier:
    held = changes.hold(session, classifier.id)
    fixed = classifiers.RECIPES[held.recipe]
    if fixed:
        raise Conflict(
            f"{held.name!r} has the recipe {held.recipe}, whose labels are fixed: "
            f"{', '.join(fixed)}. A classifier with the recipe sort takes any labels.",
            code="fixed_labels",
        )
    return held


def _check_free(session: Session, classifier: Classifier, name: str) -> None:
    if any(label.name == name for label in classifiers.labels(session, classifier)):
        raise Conflict(
            f"There is a label “{name}” already; merge the two if they are to be one.",
            code="label_name_taken",
        )


def _gone(
    session: Session, classifier: Classifier, label: Label, now: str | None, count: int
) -> None:
    """Delete a label that has no examples left, and what `_changed` does."""
    name = label.name
    session.delete(label)
    session.flush()
    _number(classifiers.labels(session, classifier))
    _changed(session, classifier, name, now, count)
    promises.judge_again(session, classifier)


def _changed(
    session: Session, classifier: Classifier, old: str, new: str | None, count: int
) -> None:
    """Remember how to read the answers of versions that know the old name.

    At least one change counts: a training that is under way knows the old name too, and is told
    apart by its count from one that begins now.
    """
    session.flush()
    changes.note(session, classifier.id, max(1, count))
    session.refresh(classifier)
    highest = session.execute(
        select(func.max(ModelVersion.number)).where(ModelVersion.classifier_id == classifier.id)
    ).scalar()
    added = aliases.alias(
        old, new, up_to_version=highest or 0, at=classifier.changes, made_at=utcnow()
    )
    classifier.aliases = [*classifier.aliases, added]
    session.flush()


def _examples(session: Session, label: Label) -> int:
    return session.execute(
        select(func.count(Example.id)).where(Example.label_id == label.id)
    ).scalar_one()


def _number(ordered: Sequence[Label]) -> None:
    for position, label in enumerate(ordered):
        label.position = position
