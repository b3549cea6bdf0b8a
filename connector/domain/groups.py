"""Groups of look-alikes among the pictures that wait for a label, as a worker found them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Study
from connector.db.types import Json
from connector.domain import studies
from connector.domain.longwork import UNFINISHED

MOST = 40
# Among the kept pictures alone: what was asked or answered has its own places to be settled.
PARAMS: Json = {"count": MOST, "kept": True}
# Fewer are no group any more; so many of each are shown.
FEWEST, SHOWN = 2, 12


@dataclass(frozen=True)
class Group:
    """Look-alikes without a label: examples, images of the first ones, and what they may be."""

    ids: tuple[str, ...]
    image_ids: tuple[str, ...]
    suggested: str | None
    may_be_new: bool


def request(session: Session, classifier: Classifier) -> Study:
    """Queue a search, unless one is queued or under way."""
    last = studies.last(session, classifier, studies.GROUPS, PARAMS)
    if last is not None and last.status in UNFINISHED:
        return last
    return studies.request(session, classifier, studies.GROUPS, PARAMS)


def waiting(session: Session, classifier: Classifier, study: Study | None) -> list[Group]:
    """Return those of a study's groups that still have pictures without a label."""
    if study is None or study.result is None:
        return []
    found = study.result["groups"]
    still = _unlabelled(session, classifier, [id_ for one in found for id_ in one["examples"]])
    groups = []
    for one in found:
        ids = [example_id for example_id in one["examples"] if example_id in still]
        if len(ids) >= FEWEST:
            images = tuple(still[example_id] for example_id in ids[:SHOWN])
            suggested = one["suggested_label"]
            groups.append(Group(tuple(ids), images, suggested, one["may_be_new"]))
    return groups


def _unlabelled(session: Session, classifier: Classifier, ids: list[str]) -> dict[str, str]:
    """Return example -> image of those without a label, of all that may be among `ids`."""
    if not ids:
        return {}
    statement = select(Example.id, Example.image_id).where(
        Example.classifier_id == classifier.id,
        Example.label_id.is_(None),
        # Instead of thousands of ids: what was looked through are the newest.
        Example.id.between(min(ids), max(ids)),
    )
    return dict(session.execute(statement).all())
