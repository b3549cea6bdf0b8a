"""Near-identical pictures by a short key of how they look, which stands behind each thumbnail.

The key (see `models.look`) is made by whoever embeds a picture first; before that nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, LargeBinary, func, select
from sqlalchemy.orm import Session

from connector.db.tables import Embedding, Example, Image, Label, Prediction, Review

# The name under which thumbnails stand among the embeddings, and their bytes: the key follows.
THUMBNAILS, THUMBNAIL_BYTES, KEY_BYTES = "thumbnail", 32 * 32, 32
# Of 256 bits. Copies, saved again or a little brighter, were at most 17 apart on 3,500 photos and
# scans; of their six million other pairs two were within 22, and one within 16.
MOST_APART, SURELY_THE_SAME = 22, 16
# The newest that are looked through: some hundredths of a second.
NEWEST = 4_000


@dataclass(frozen=True)
class Alike:
    """A labelled example that looks the same as another picture."""

    example_id: str
    label: str


def labelled_otherwise(
    session: Session, classifier_id: str, image_id: str, label_id: str
) -> Alike | None:
    """Return the example most alike to a picture that has another label than this one, if any."""
    key = _key_of(session, image_id)
    if not key:
        return None
    statement = (
        select(Example.id, Label.name, key_column())
        .join(Label, Label.id == Example.label_id)
        .join(Image, Image.id == Example.image_id)
        .join(Embedding, Embedding.sha256 == Image.sha256)
        .where(
            Example.classifier_id == classifier_id,
            Example.label_id != label_id,
            Example.image_id != image_id,
            Embedding.backbone == THUMBNAILS,
        )
        .order_by(Example.labelled_at.desc())
        .limit(NEWEST)
    )
    least, found = MOST_APART + 1, None
    for example_id, label, other in session.execute(statement):
        if other and (apart := bits_apart(key, other)) < least:
            least, found = apart, Alike(example_id, label)
    return found


def questions_about_copies(session: Session, classifier_id: str, image_id: str) -> list[str]:
    """Return the ids of open questions about pictures that surely look the same as this one."""
    key = _key_of(session, image_id)
    if not key:
        return []
    statement = (
        select(Review.id, key_column())
        .join(Prediction, Prediction.id == Review.prediction_id)
        .join(Image, Image.id == Prediction.image_id)
        .join(Embedding, Embedding.sha256 == Image.sha256)
        .where(
            Prediction.classifier_id == classifier_id,
            # What an open question is about; in the order of an index, so that the rest is left.
            Prediction.status == "needs_review",
            Review.state == "open",
            Review.kind == "question",
            Embedding.backbone == THUMBNAILS,
        )
        .order_by(Prediction.id.desc())
        .limit(NEWEST)
    )
    return [
        review_id
        for review_id, other in session.execute(statement)
        if other and bits_apart(key, other) <= SURELY_THE_SAME
    ]


def bits_apart(one: bytes, other: bytes) -> int:
    """In how many bits two keys of the same length differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _key_of(session: Session, image_id: str) -> bytes | None:
    return session.scalar(
        select(key_column())
        .join(Image, Image.sha256 == Embedding.sha256)
        .where(Image.id == image_id, Embedding.backbone == THUMBNAILS)
    )


def key_column() -> ColumnElement[bytes]:
    """The key as a column, of the embedding that stands under the name THUMBNAILS."""
    start = THUMBNAIL_BYTES + 1
    return func.substr(Embedding.vector, start, KEY_BYTES, type_=LargeBinary())
