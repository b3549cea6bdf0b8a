"""A person's answer acts at once on near-identical pictures, before any training."""

from __future__ import annotations

import io

import pytest
from colours import picture
from PIL import Image

from connector.db.tables import Classifier, Prediction
from connector.domain import classifiers, examples, predictions, reviews
from connector.domain.predictions import SourceRef, Submission
from workers import classify
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sent(rt: Runtime, source: SourceRef, data: bytes) -> Prediction:
    accepted = predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=Submission(data)
    )
    while classify.step(rt):
        pass
    with rt.database.read() as session:
        return session.get_one(Prediction, accepted.id)


def answered(rt: Runtime, classifier: Classifier, label: str) -> None:
    with rt.database.write() as session:
        [review] = reviews.list_reviews(session, classifier.workspace_id).items
        reviews.answer(session, rt.settings, classifier.workspace_id, review.id, label, "Alice")


def saved_again(data: bytes) -> bytes:
    """The same picture in another format, a little brighter: other bytes, nothing else to see."""
    out = io.BytesIO()
    image = Image.open(io.BytesIO(data)).point(lambda value: min(255, value + 3))
    image.save(out, "TIFF")
    return out.getvalue()


def test_the_next_copy_of_an_answered_picture_is_not_asked_about(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    data = picture("grey", seed=5)
    first = sent(rt, api_source, data)
    assert first.status == "needs_review"
    answered(rt, colours, "green")
    second = sent(rt, api_source, saved_again(data))
    assert (second.status, second.label, second.decided_by) == ("done", "green", "person")
    assert second.twin_of == first.id


@SQLITE
def test_another_picture_that_looks_as_grey_is_asked_about(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    sent(rt, api_source, picture("grey", seed=5))
    answered(rt, colours, "green")
    assert sent(rt, api_source, picture("grey", seed=6)).status == "needs_review"


@SQLITE
def test_a_changed_mind_counts_from_then_on(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    data = picture("grey", seed=5)
    sent(rt, api_source, data)
    answered(rt, colours, "green")
    assert sent(rt, api_source, saved_again(data)).label == "green"
    with rt.database.write() as session:
        row = classifiers.get_classifier(session, colours.workspace_id, colours.id)
        examples.add_example(session, rt.blobs, rt.settings, row, data, "blue", "", "review")
    again = sent(rt, api_source, saved_again(data))
    assert (again.label, again.decided_by) == ("blue", "person")


@SQLITE
def test_imported_examples_do_not_bind_the_model(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    data = picture("red", seed=5)
    with rt.database.write() as session:
        row = classifiers.get_classifier(session, colours.workspace_id, colours.id)
        examples.add_example(session, rt.blobs, rt.settings, row, data, "blue", "", "api")
    row = sent(rt, api_source, saved_again(data))
    assert (row.label, row.decided_by, row.twin_of) == ("red", "model", None)
