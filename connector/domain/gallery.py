"""The pictures of a classifier as a person leafs through them: filtered, in pages, copies folded.

However many there are, a page is a few queries that read little more than what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from connector.db.tables import Classifier, Embedding, Example, Image, Label
from connector.domain import aliases, classifiers, looks
from connector.domain.paging import CURSOR
from connector.errors import BadRequest

PAGE = 60
MAX_TEXT = 100
IMPORT = "import"
UNSURE, SURE = "unsure", "sure"
_CONFIDENCE = re.compile(r"[01](\.\d{1,20})?|\d(\.\d+)?e-\d{1,3}")
_GUESS = aliased(Label)


@dataclass(frozen=True)
class Wanted:
    """Which pictures: of a label (its id), without one, likely wrong, of an origin, by name.

    `order`: "" the newest first, UNSURE or SURE first. `least`, `most`: how sure the model is at
    least and at most, in per cent.
    """

    label: str = ""
    unlabelled: bool = False
    mistakes: bool = False
    origin: str = ""
    text: str = ""
    order: str = ""
    least: int | None = None
    most: int | None = None

    @property
    def by_confidence(self) -> bool:
        """Whether it matters how sure the model is."""
        return bool(self.order) or self.least is not None or self.most is not None

    def holds(self, label_id: str | None) -> bool:
        """Say whether a picture that has this label now still belongs here."""
        if self.unlabelled:
            return label_id is None
        return not self.label or label_id == self.label


@dataclass(frozen=True)
class Suspect:
    """A label that is likely wrong, and the one that is likelier, by their present names."""

    given: str
    suggested: str


Suspects = Mapping[str, Suspect]


@dataclass(frozen=True)
class Tile:
    """A picture as the gallery shows it; `alike` are the ids of copies that it stands for."""

    id: str
    image_id: str
    name: str
    label_id: str | None
    label: str | None
    suggested: str | None = None
    alike: tuple[str, ...] = ()
    # What the live model makes of it, and how sure it is (0..1).
    guess: str | None = None
    confidence: float | None = None

    @property
    def ids(self) -> list[str]:
        """Itself and the copies that it stands for."""
        return [self.id, *self.alike]


@dataclass(frozen=True)
class Sheet:
    """Some tiles, and where the next ones begin (None at the end)."""

    tiles: tuple[Tile, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Choices:
    """What there is to choose from, with how many pictures each has."""

    labels: tuple[tuple[Label, int], ...]
    unlabelled: int
    origins: Mapping[str, int]

    @property
    def total(self) -> int:
        """All pictures of the classifier."""
        return self.unlabelled + sum(count for _, count in self.labels)


def choices(session: Session, classifier: Classifier) -> Choices:
    """Return the labels in their order with their counts, and the kinds of origins."""
    by_label = (
        select(Example.label_id, func.count())
        .where(Example.classifier_id == classifier.id)
        .group_by(Example.label_id)
    )
    counts = dict(session.execute(by_label).all())
    by_origin = (
        select(Example.origin, func.count())
        .where(Example.classifier_id == classifier.id)
        .group_by(Example.origin)
    )
    origins: dict[str, int] = {}
    for origin, count in session.execute(by_origin):
        kind = origin.partition(":")[0]
        origins[kind] = origins.get(kind, 0) + count
    labels = classifiers.labels(session, classifier)
    return Choices(
        tuple((label, counts.get(label.id, 0)) for label in labels), counts.get(None, 0), origins
    )


def sheet(
    session: Session,
    classifier: Classifier,
    wanted: Wanted,
    *,
    suspects: Suspects | None = None,
    cursor: str | None = None,
) -> Sheet:
    """Return a page of pictures, newest first; likely mistakes, the likeliest first, all at once.

    Raises BadRequest for a bad cursor.
    """
    suspects = suspects or {}
    statement = _filtered(session, classifier, wanted)
    if wanted.mistakes:
        rows = session.execute(statement.where(*_among(classifier, suspects))).all()
        order = {sha256: i for i, sha256 in enumerate(suspects)}
        still = [row for row in rows if suspects[row.sha256].given == row.label]
        still.sort(key=lambda row: order[row.sha256])
        return Sheet(tuple(_tile(row, suspects) for row in still), None)
    if wanted.by_confidence:
        return _by_confidence(session, statement, wanted, suspects, cursor)
    if cursor is not None:
        if not CURSOR.match(cursor):
            raise _bad_cursor()
        statement = statement.where(Example.id < cursor)
    rows = session.execute(statement.order_by(Example.id.desc()).limit(PAGE + 1)).all()
    following = rows[PAGE - 1].id if len(rows) > PAGE else None
    return Sheet(_fold(session, rows[:PAGE], suspects), following)


def _by_confidence(
    session: Session, statement: Any, wanted: Wanted, suspects: Suspects, cursor: str | None
) -> Sheet:
    """A page by how sure the model is; a cursor is that of the last one, a colon and its id."""
    place = tuple_(Example.confidence, Example.id)
    statement = statement.where(Example.confidence.is_not(None))
    if wanted.least is not None:
        statement = statement.where(Example.confidence >= wanted.least / 100)
    if wanted.most is not None:
        statement = statement.where(Example.confidence <= wanted.most / 100)
    surest = wanted.order == SURE
    if cursor is not None:
        confidence, _, example_id = cursor.partition(":")
        if not _CONFIDENCE.fullmatch(confidence) or not CURSOR.match(example_id):
            raise _bad_cursor()
        last = tuple_(float(confidence), example_id)
        statement = statement.where(place < last if surest else place > last)
    columns = (Example.confidence, Example.id)
    order = [column.desc() if surest else column for column in columns]
    rows = session.execute(statement.order_by(*order).limit(PAGE + 1)).all()
    following = None
    if len(rows) > PAGE:
        following = f"{rows[PAGE - 1].confidence!r}:{rows[PAGE - 1].id}"
    return Sheet(_fold(session, rows[:PAGE], suspects), following)


def _bad_cursor() -> BadRequest:
    return BadRequest("This link is not one of ours; start again.", code="bad_cursor")


def tiles(
    session: Session, classifier: Classifier, example_ids: Sequence[str], *, folded: bool
) -> tuple[Tile, ...]:
    """Return these pictures as they are now; those that are gone are left out."""
    statement = _rows(classifier).where(Example.id.in_(example_ids)).order_by(Example.id.desc())
    rows = session.execute(statement).all()
    return _fold(session, rows, {}) if folded else tuple(_tile(row, {}) for row in rows)


def read_suspects(
    classifier: Classifier, report: Mapping[str, Any] | None, version: int | None
) -> Suspects:
    """Return the likely wrong labels of a version's report, by content, the likeliest first.

    Labels that were renamed since go by their present names, those that were removed are left out.
    """
    if report is None or version is None:
        return {}
    found: dict[str, Suspect] = {}
    for one in report["suspects"]["pictures"]:
        given = aliases.current_name(one["given"], version, classifier.aliases)
        suggested = aliases.current_name(one["suggested"], version, classifier.aliases)
        if given is not None and suggested is not None and given != suggested:
            found[one["sha256"]] = Suspect(given, suggested)
    return found


def count_suspects(session: Session, classifier: Classifier, suspects: Suspects) -> int:
    """Return how many pictures still have the label that is likely wrong."""
    if not suspects:
        return 0
    statement = _rows(classifier).where(*_among(classifier, suspects))
    rows = session.execute(statement.with_only_columns(Image.sha256, Label.name))
    return sum(suspects[sha256].given == label for sha256, label in rows)


def neighbours(
    session: Session, classifier: Classifier, example_id: str
) -> tuple[str | None, str | None]:
    """Return the ids of the next newer and the next older picture."""
    mine = select(Example.id).where(Example.classifier_id == classifier.id)
    newer = mine.where(Example.id > example_id).order_by(Example.id).limit(1)
    older = mine.where(Example.id < example_id).order_by(Example.id.desc()).limit(1)
    return session.scalars(newer).first(), session.scalars(older).first()


def _among(classifier: Classifier, suspects: Suspects) -> tuple[ColumnElement[bool], ...]:
    # With the workspace beside it, the hash leads to the picture, and that to its example.
    return Image.workspace_id == classifier.workspace_id, Image.sha256.in_(suspects)


def _rows(classifier: Classifier) -> Any:
    return (
        select(
            Example.id,
            Example.image_id,
            Example.name,
            Example.label_id,
            Label.name.label("label"),
            Image.sha256,
            _GUESS.name.label("guess"),
            Example.confidence,
        )
        .join(Image, Image.id == Example.image_id)
        .outerjoin(Label, Label.id == Example.label_id)
        .outerjoin(_GUESS, _GUESS.id == Example.guess_id)
        .where(Example.classifier_id == classifier.id)
    )


def _filtered(session: Session, classifier: Classifier, wanted: Wanted) -> Any:
    statement = _rows(classifier)
    if wanted.unlabelled:
        statement = statement.where(Example.label_id.is_(None))
    elif wanted.label:
        statement = statement.where(Example.label_id == wanted.label)
    if wanted.origin:
        origins = _origins(session, classifier, wanted.origin)
        statement = statement.where(Example.origin.in_(origins))
    if text := wanted.text.strip()[:MAX_TEXT]:
        statement = statement.where(Example.name.icontains(text, autoescape=True))
    return statement


def _origins(session: Session, classifier: Classifier, origin: str) -> list[str]:
    """The origins that are meant: "import" stands for every import. Exact ones use the index."""
    if origin != IMPORT:
        return [origin]
    statement = select(Example.origin).where(Example.classifier_id == classifier.id).distinct()
    return [one for one in session.scalars(statement) if one.partition(":")[0] == IMPORT]


def _tile(row: Row[Any], suspects: Suspects) -> Tile:
    suspect = suspects.get(row.sha256)
    doubtful = suspect is not None and suspect.given == row.label
    suggested = suspect.suggested if suspect is not None and doubtful else None
    return Tile(
        row.id,
        row.image_id,
        row.name,
        row.label_id,
        row.label,
        suggested,
        guess=row.guess,
        confidence=row.confidence,
    )


def _fold(session: Session, rows: Sequence[Row[Any]], suspects: Suspects) -> tuple[Tile, ...]:
    """Lay copies with the same label behind the first of them; the others are seen apart."""
    keys = _keys(session, [row.sha256 for row in rows])
    shown: list[tuple[Row[Any], int | None, list[str]]] = []
    for row in rows:
        key = keys.get(row.sha256)
        for first, other, alike in shown:
            if first.label_id == row.label_id and _same_look(key, other):
                alike.append(row.id)
                break
        else:
            shown.append((row, key, []))
    return tuple(replace(_tile(row, suspects), alike=tuple(alike)) for row, _, alike in shown)


def _same_look(key: int | None, other: int | None) -> bool:
    if key is None or other is None:
        return False
    return (key ^ other).bit_count() <= looks.SURELY_THE_SAME


def _keys(session: Session, hashes: Sequence[str]) -> dict[str, int]:
    """How pictures look, as numbers of 256 bits, of those that somebody has embedded."""
    statement = select(Embedding.sha256, looks.key_column()).where(
        and_(Embedding.sha256.in_(hashes), Embedding.backbone == looks.THUMBNAILS)
    )
    return {sha256: int.from_bytes(key) for sha256, key in session.execute(statement) if key}
