"""Pictures with the labels that people gave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import pictures
from connector.db.insert import insert_missing
from connector.db.tables import Classifier, Example, Image, Label
from connector.db.types import utcnow
from connector.domain import classifiers
from connector.domain.images import image_id
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import NotFound
from connector.ids import new_id
from connector.pictures import PictureInfo
from connector.settings import Settings
from connector.storage import Blobs

Outcome = Literal["added", "duplicate", "relabelled"]


@dataclass(frozen=True)
class Kept:
    """A picture whose bytes are safe on disk: the only kind that rows may name."""

    sha256: str
    size: int
    info: PictureInfo


def keep(blobs: Blobs, settings: Settings, data: bytes) -> Kept:
    """Decode the picture once, whole, then keep its bytes; no database is involved.

    Raises the errors of `pictures.inspect`, and NoSpace.
    """
    info = pictures.verify(data, settings)
    return Kept(blobs.put(data), len(data), info)


def add_example(
    session: Session,
    blobs: Blobs,
    settings: Settings,
    classifier: Classifier,
    data: bytes,
    label_name: str,
    name: str,
    origin: str,
) -> tuple[Example, Outcome]:
    """Keep a labelled picture. The same content again is no second example; a new label wins.

    Raises the errors of `pictures.inspect`, and Unprocessable for a bad or unknown label.
    """
    # Before the bytes are kept: a refused request leaves nothing behind.
    classifiers.check_label(session, classifier, label_name)
    kept = keep(blobs, settings, data)
    return add_kept(session, classifier, kept, label_name, name, origin)


def add_kept(
    session: Session, classifier: Classifier, kept: Kept, label_name: str, name: str, origin: str
) -> tuple[Example, Outcome]:
    """`add_example` for bytes that are kept already: rows only, quick."""
    label = classifiers.ensure_label(session, classifier, label_name)
    picture = image_id(session, classifier.workspace_id, kept.sha256, kept.size, kept.info)
    row = {
        "id": new_id("ex"),
        "classifier_id": classifier.id,
        "image_id": picture,
        "label_id": label.id,
        "name": pictures.sanitize_name(name),
        "origin": origin,
        "created_at": utcnow(),
    }
    if insert_missing(session, Example, row, ["classifier_id", "image_id"]):
        return session.get_one(Example, row["id"]), "added"
    example = session.scalars(
        select(Example)
        .where(Example.classifier_id == classifier.id, Example.image_id == picture)
        .with_for_update()
    ).one()
    if example.label_id == label.id:
        return example, "duplicate"
    example.label_id, example.origin = label.id, origin
    session.flush()
    return example, "relabelled"


def list_examples(
    session: Session,
    classifier: Classifier,
    *,
    label: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Example]:
    """Return examples, newest first. Raises BadRequest for bad paging."""
    statement = select(Example).where(Example.classifier_id == classifier.id)
    if label is not None:
        statement = statement.join(Label, Label.id == Example.label_id).where(Label.name == label)
    return page(session, statement, Example.id, cursor=cursor, limit=limit)


def get_example(session: Session, classifier: Classifier, example_id: str) -> Example:
    """Return one example. Raises NotFound."""
    example = session.get(Example, example_id)
    if example is None or example.classifier_id != classifier.id:
        raise NotFound(f"There is no example {example_id} here; it may have been deleted.")
    return example


def delete_example(session: Session, classifier: Classifier, example_id: str) -> None:
    """Forget that the picture has this label; models trained with it stay. Raises NotFound."""
    session.delete(get_example(session, classifier, example_id))
    session.flush()


def image_of(session: Session, example: Example) -> Image:
    """Return the picture's row."""
    return session.get_one(Image, example.image_id)


def resource(session: Session, example: Example, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values."""
    label = session.get_one(Label, example.label_id)
    image = image_of(session, example)
    base = f"{public_url}/api/v1/classifiers/{example.classifier_id}/examples/{example.id}"
    return {
        "id": example.id,
        "classifier_id": example.classifier_id,
        "label": label.name,
        "name": example.name,
        "origin": example.origin,
        "sha256": image.sha256,
        "media_type": image.media_type,
        "width": image.width,
        "height": image.height,
        "size": image.size,
        "image_url": f"{base}/image",
        "created_at": example.created_at.isoformat(),
    }
