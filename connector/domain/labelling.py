"""Labels for pictures that are here already: one by one, or many of a heap at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import AuditEntry, Classifier, Example, Label
from connector.db.types import utcnow
from connector.domain import audit_log, changes, classifiers
from connector.errors import NotFound, Unprocessable

MOST = 1000
# In the audit log, which keeps who said so: a label that was doubted is right after all.
CONFIRMED = "example.confirmed"


def label_example(
    session: Session, classifier: Classifier, example_id: str, label_name: str | None
) -> Example:
    """Give an example another label, or none (None). Raises as `label_examples`."""
    label_examples(session, classifier, [example_id], label_name)
    return session.get_one(Example, example_id)


def label_examples(
    session: Session, classifier: Classifier, example_ids: Sequence[str], label_name: str | None
) -> int:
    """Give all these examples (at most 1000) one label, or none (None); return how many changed.

    All or nothing: raises NotFound when one of them is not here, Unprocessable for a bad label, or
    one outside a recipe's fixed labels, or too many examples.
    """
    return relabel(session, classifier, example_ids, label_name).count


@dataclass(frozen=True)
class Relabelled:
    """The label that examples were given (its id), and by the label before: which changed."""

    label_id: str | None
    before: Mapping[str | None, list[str]]

    @property
    def count(self) -> int:
        """How many changed."""
        return sum(map(len, self.before.values()))


def relabel(
    session: Session, classifier: Classifier, example_ids: Sequence[str], label_name: str | None
) -> Relabelled:
    """`label_examples` for whoever wants to know what was there before."""
    wanted = list(dict.fromkeys(example_ids))
    if len(wanted) > MOST:
        raise Unprocessable(
            f"At most {MOST} examples can be labelled at once; send {len(wanted)} in parts.",
            code="too_many_examples",
        )
    held = changes.hold(session, classifier.id)
    rows = _rows(session, held, wanted)
    label_id = None
    if label_name is not None:
        label_id = classifiers.ensure_label(session, held, label_name).id
    before: dict[str | None, list[str]] = {}
    for row in rows:
        if row.label_id != label_id:
            before.setdefault(row.label_id, []).append(row.id)
            row.label_id = label_id
            row.labelled_at = utcnow() if label_id is not None else None
            row.labelled_by = audit_log.whoever() if label_id is not None else None
    done = Relabelled(label_id, before)
    note(session, held, [one for ids in before.values() for one in ids], label_name)
    return done


def note(session: Session, held: Classifier, ids: Sequence[str], label_name: str | None) -> None:
    """Note that these examples have another label than before; the classifier is held."""
    session.flush()
    if ids:
        after = {"label": label_name, "count": len(ids), "ids": list(ids)}
        audit_log.note_in(session, held, "example.labelled", ids[0], after=after)
    changes.note(session, held.id, len(ids))


def confirm_example(session: Session, classifier: Classifier, example_id: str) -> str:
    """Note that somebody looked at a doubtful label and found it right; return the label.

    Raises NotFound, and Unprocessable (not_labelled) for a picture without a label.
    """
    held = changes.hold(session, classifier.id)
    row = _rows(session, held, [example_id])[0]
    if row.label_id is None:
        raise Unprocessable(
            "This picture has no label that could be right; give it one.", code="not_labelled"
        )
    name = session.get_one(Label, row.label_id).name
    audit_log.note_in(session, held, CONFIRMED, row.id, after={"label": name})
    return name


def confirmed(session: Session, example_ids: Sequence[str]) -> dict[str, str]:
    """Return example -> the label that somebody last found right, for those that have one."""
    statement = (
        select(AuditEntry.resource_id, AuditEntry.after)
        .where(AuditEntry.resource_id.in_(example_ids), AuditEntry.what == CONFIRMED)
        .order_by(AuditEntry.id)
    )
    return {example: str((after or {})["label"]) for example, after in session.execute(statement)}


def _rows(session: Session, classifier: Classifier, wanted: list[str]) -> list[Example]:
    statement = select(Example).where(
        Example.classifier_id == classifier.id, Example.id.in_(wanted)
    )
    # What was read before the classifier was held may be out of date.
    rows = list(session.scalars(statement.execution_options(populate_existing=True)))
    missing = sorted(set(wanted) - {row.id for row in rows})
    if missing:
        raise NotFound(
            f"There is no example {missing[0]} here; it may have been deleted. "
            "Nothing was changed.",
            missing=missing,
        )
    return rows
