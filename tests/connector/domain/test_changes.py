"""What a model could learn has changed: each change counts once, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from colours import picture

from connector.db import Database
from connector.db.tables import Classifier, Image, Prediction, Review
from connector.domain import changes, classifiers, examples, imports, labelling, reviews
from connector.errors import ColabelError
from connector.settings import Settings
from connector.storage import LocalBlobs

Person = Any


class Counter:
    """Tells how many changes were noted since it was last asked."""

    def __init__(self, database: Database, classifier: Classifier) -> None:
        self.database, self.id, self.seen = database, classifier.id, 0

    def __call__(self) -> int:
        with self.database.read() as session:
            row = session.get_one(Classifier, self.id)
            assert (row.changed_at is None) == (row.changes == 0)
            fresh, self.seen = row.changes - self.seen, row.changes
            return fresh


@pytest.fixture
def count(database: Database, insects: Classifier) -> Counter:
    return Counter(database, insects)


def test_a_change_is_added_in_the_database_and_has_its_time(
    database: Database, insects: Classifier, count: Counter
) -> None:
    with database.write() as session:
        changes.note(session, insects.id)
    with database.read() as session:
        first = session.get_one(Classifier, insects.id).changed_at
    with database.write() as session:
        changes.note(session, insects.id, 41)
        changes.note(session, insects.id, 0)
    with database.read() as session:
        row = session.get_one(Classifier, insects.id)
        assert row.changes == 42
        assert first is not None
        assert row.changed_at is not None
        assert row.changed_at > first


def test_examples_count_once_and_only_with_a_label(
    database: Database,
    blobs: LocalBlobs,
    settings: Settings,
    insects: Classifier,
    count: Counter,
) -> None:
    def add(seed: int, label: str | None) -> str:
        data = picture("red", seed=seed)
        with database.write() as session:
            return examples.add_example(
                session, blobs, settings, insects, data, label, "", "api"
            ).example.id

    ant, waiting = add(1, "ant"), add(2, None)
    assert count() == 1
    add(1, "ant")
    add(1, None)
    assert count() == 0
    add(1, "bee")
    add(2, "bee")
    assert count() == 2
    with database.write() as session:
        assert labelling.label_examples(session, insects, [ant, waiting, ant], "bee") == 0
        assert labelling.label_examples(session, insects, [ant, waiting, ant], "ant") == 2
    assert count() == 2
    with database.write() as session:
        labelling.label_example(session, insects, ant, None)
    assert count() == 1
    for example_id, expected in ((ant, 0), (waiting, 1)):
        with database.write() as session:
            examples.delete_example(session, insects, example_id)
        assert count() == expected


def test_a_refused_change_does_not_count(
    database: Database, insects: Classifier, count: Counter
) -> None:
    def refused() -> None:
        with database.write() as session:
            changes.note(session, insects.id)
            labelling.label_examples(session, insects, ["ex_none"], "ant")

    with pytest.raises(ColabelError):
        refused()
    assert count() == 0


def test_an_import_counts_what_is_new_in_it(
    database: Database,
    blobs: LocalBlobs,
    settings: Settings,
    insects: Classifier,
    count: Counter,
    tmp_path: Path,
) -> None:
    def run(labels: str) -> None:
        imports.run_folder(database, blobs, settings, insects.id, tmp_path, labels)

    for name, seeds in {"ant": range(60), "bee": range(100, 103)}.items():
        (tmp_path / name).mkdir()
        for seed in seeds:
            (tmp_path / name / f"{seed}.png").write_bytes(picture("red", seed=seed, size=(8, 8)))
    (tmp_path / "ant/copy.png").write_bytes((tmp_path / "ant/0.png").read_bytes())
    (tmp_path / "ant/bad.png").write_bytes(b"no picture")
    run("none")
    assert count() == 0
    run("folders")
    assert count() == 63
    run("folders")
    run("none")
    assert count() == 0
    (tmp_path / "ant/1.png").rename(tmp_path / "bee/1.png")
    run("folders")
    assert count() == 1


def test_an_answer_counts_unless_it_says_what_was_known(
    database: Database, settings: Settings, insects: Classifier, count: Counter
) -> None:
    def answer(label: str) -> reviews.Answered:
        with database.write() as session:
            review = ask(session, insects)
            return reviews.answer(
                session, settings, insects.workspace_id, review, label, by="Alice"
            )

    assert answer("ant").contradiction is None
    assert count() == 1
    assert answer("ant").contradiction is None
    assert count() == 0
    contradicted = answer("bee").contradiction
    assert contradicted is not None
    assert (contradicted.kind, contradicted.label) == ("same", "ant")
    assert count() == 1


def ask(session: Any, classifier: Classifier) -> str:
    """Open a review of always the same picture."""
    source = classifiers.source(session, classifier, "api")
    image = session.query(Image).first()
    if image is None:
        image = Image(
            workspace_id=classifier.workspace_id,
            sha256="0" * 64,
            media_type="image/png",
            width=1,
            height=1,
            size=1,
        )
        session.add(image)
        session.flush()
    prediction = Prediction(
        workspace_id=classifier.workspace_id,
        classifier_id=classifier.id,
        source_id=source.id,
        request_hash="",
        image_id=image.id,
        name="a.png",
        status="needs_review",
        location={"kind": "kept"},
    )
    session.add(prediction)
    session.flush()
    review = Review(
        workspace_id=classifier.workspace_id, prediction_id=prediction.id, reason="Unsure."
    )
    session.add(review)
    session.flush()
    return review.id
