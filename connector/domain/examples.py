"""Pictures with the labels that people gave them, and pictures that wait for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from connector import pictures
from connector.db.insert import insert_missing
from connector.db.tables import Classifier, Example, Image, Label
from connector.db.types import utcnow
from connector.domain import audit_log, changes, classifiers, contradictions
from connector.domain.contradictions import Contradiction
from connector.domain.images import image_id
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.domain.resources import iso
from connector.errors import NotFound
from connector.ids import new_id
from connector.pictures import PictureInfo
from connector.settings import Settings
from connector.storage import Blobs

Outcome = Literal["added", "duplicate", "labelled", "relabelled"]


@dataclass(frozen=True)
class Kept:
    """A picture whose bytes are safe on disk: the only kind that rows may name."""

    sha256: str
    size: int
    info: PictureInfo
    # The token under which the bytes were put again; see connector.domain.removals.
    rescued: str | None = None


def keep(blobs: Blobs, settings: Settings, data: bytes) -> Kept:
    """Decode the picture once, whole, then keep its bytes; no database is involved.

    Raises the errors of `pictures.inspect`, and NoSpace.
    """
    info = pictures.verify(data, settings)
    return Kept(blobs.put(data), len(data), info)


@dataclass(frozen=True)
class Added:
    """An example, what adding it came to, and whether it had another label before."""

    example: Example
    outcome: Outcome
    contradiction: Contradiction | None = None

    @property
    def learnable(self) -> bool:
        """Whether there is more to learn than before."""
        return self.outcome != "duplicate" and self.example.label_id is not None


def add_example(
    session: Session,
    blobs: Blobs,
    settings: Settings,
    classifier: Classifier,
    data: bytes,
    label_name: str | None,
    name: str,
    origin: str,
) -> Added:
    """Keep a picture with its label, or without one (None) to be labelled later.

    The same content again is no second example: a label wins over none and over an older one.
    Raises the errors of `pictures.inspect`, and Unprocessable for a bad or unknown label.
    """
    # Before the bytes are kept: a refused request leaves nothing behind.
    if label_name is not None:
        classifiers.check_label(session, classifier, label_name)
    kept = keep(blobs, settings, data)
    return add_kept(session, classifier, kept, label_name, name, origin)


def add_kept(
    session: Session,
    classifier: Classifier,
    kept: Kept,
    label_name: str | None,
    name: str,
    origin: str,
) -> Added:
    """`add_example` for bytes that are kept already: rows only, quick."""
    held = changes.hold(session, classifier.id)
    added = put(session, held, kept, label_name, name, origin)
    if added.learnable:
        changes.note(session, held.id)
    if added.outcome != "duplicate":
        after = {"label": label_name, "outcome": added.outcome}
        audit_log.note_in(session, held, "example.added", added.example.id, after=after)
    return added


def put(
    session: Session,
    classifier: Classifier,
    kept: Kept,
    label_name: str | None,
    name: str,
    origin: str,
    by: str | None = None,
) -> Added:
    """`add_kept` for one of many: the classifier is held already, and the caller notes changes.

    `by`: who said so, where that is not whoever acts. Raises BeingRemoved; `removals.put_surely` is
    for whoever has the bytes still.
    """
    label = None
    if label_name is not None:
        label = classifiers.ensure_label(session, classifier, label_name)
    picture = image_id(
        session, classifier.workspace_id, kept.sha256, kept.size, kept.info, kept.rescued
    )
    named = pictures.sanitize_name(name)
    return place(session, classifier.id, picture, label, named, origin, by)


def place(
    session: Session,
    classifier_id: str,
    picture: str,
    label: Label | None,
    name: str,
    origin: str,
    by: str | None = None,
) -> Added:
    """`put` for a picture that has a row, by its id; the classifier is held already.

    `by`: who said so, where that is not whoever acts.
    """
    moment, by = utcnow(), by or audit_log.whoever()
    row = {
        "id": new_id("ex"),
        "classifier_id": classifier_id,
        "image_id": picture,
        "label_id": label.id if label is not None else None,
        "name": name,
        "origin": origin,
        "labelled_at": moment if label is not None else None,
        "labelled_by": by if label is not None else None,
        "created_at": moment,
    }
    if insert_missing(session, Example, row, ["classifier_id", "image_id"]):
        return Added(session.get_one(Example, row["id"]), "added")
    example = session.scalars(
        select(Example).where(Example.classifier_id == classifier_id, Example.image_id == picture)
    ).one()
    if label is None or example.label_id == label.id:
        return Added(example, "duplicate")
    return _relabelled(session, example, label, origin, by)


def _relabelled(
    session: Session, example: Example, label: Label, origin: str, by: str | None
) -> Added:
    before = label_of(session, example)
    example.label_id, example.origin = label.id, origin
    example.labelled_at, example.labelled_by = utcnow(), by
    session.flush()
    found = contradictions.same_picture(example.id, before, label.name)
    return Added(example, "labelled" if before is None else "relabelled", found)


def list_examples(
    session: Session,
    classifier: Classifier,
    *,
    label: str | None = None,
    labelled: bool | None = None,
    origin: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Example]:
    """Return examples, newest first: all, or those of a label, with or without one, of an origin.

    The origin "import" stands for every import, "import:imp_…" for one. Raises BadRequest for bad
    paging.
    """
    statement = select(Example).where(Example.classifier_id == classifier.id)
    if label is not None:
        statement = statement.join(Label, Label.id == Example.label_id).where(Label.name == label)
    if labelled is not None:
        waits = Example.label_id.is_(None)
        statement = statement.where(~waits if labelled else waits)
    if origin is not None:
        within = Example.origin.startswith(f"{origin}:", autoescape=True)
        statement = statement.where(or_(Example.origin == origin, within))
    return page(session, statement, Example.id, cursor=cursor, limit=limit)


def get_example(session: Session, classifier: Classifier, example_id: str) -> Example:
    """Return one example. Raises NotFound."""
    example = session.get(Example, example_id)
    if example is None or example.classifier_id != classifier.id:
        raise NotFound(f"There is no example {example_id} here; it may have been deleted.")
    return example


def delete_example(session: Session, classifier: Classifier, example_id: str) -> None:
    """Forget that the picture has this label; models trained with it stay. Raises NotFound."""
    changes.hold(session, classifier.id)
    example = get_example(session, classifier, example_id)
    before = {"label": label_of(session, example), "name": example.name}
    session.delete(example)
    session.flush()
    audit_log.note_in(session, classifier, "example.deleted", example_id, before=before)
    if example.label_id is not None:
        changes.note(session, classifier.id)


def label_of(session: Session, example: Example) -> str | None:
    """Return the label's name, None for a picture that waits for one."""
    if example.label_id is None:
        return None
    return session.get_one(Label, example.label_id).name


def image_of(session: Session, example: Example) -> Image:
    """Return the picture's row."""
    return session.get_one(Image, example.image_id)


def resource(session: Session, example: Example, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values."""
    image = image_of(session, example)
    base = f"{public_url}/api/v1/classifiers/{example.classifier_id}/examples/{example.id}"
    return {
        "id": example.id,
        "classifier_id": example.classifier_id,
        "label": label_of(session, example),
        "name": example.name,
        "origin": example.origin,
        "sha256": image.sha256,
        "media_type": image.media_type,
        "width": image.width,
        "height": image.height,
        "size": image.size,
        "image_url": f"{base}/image",
        "labelled_at": iso(example.labelled_at),
        "labelled_by": example.labelled_by,
        "created_at": example.created_at.isoformat(),
    }
