"""The sample project: made by the real worker, learned from for real, and only one of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from connector.db.tables import Classifier, Example, Import, Prediction, Review
from connector.demo import sample
from connector.domain import classifiers, imports, samples
from workers import act, classify, train
from workers import samples as worker
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def begun(rt: Runtime, workspace_id: str) -> Classifier:
    with rt.database.write() as session:
        return samples.make(session, workspace_id)


def stage(rt: Runtime, row: Classifier) -> str:
    with rt.database.read() as session:
        return samples.progress(session, session.get_one(Classifier, row.id)).stage


def count(rt: Runtime, table: Any, *conditions: Any) -> int:
    with rt.database.read() as session:
        found = session.scalar(select(func.count()).select_from(table).where(*conditions))
    return int(found or 0)


def test_a_sample_is_made_and_learns_and_takes_new_pages(trainable: Runtime, alice: Any) -> None:
    rt = trainable
    row = begun(rt, alice.workspace_id)
    assert begun(rt, alice.workspace_id).id == row.id
    assert stage(rt, row) == "drawing"
    assert train.quick(rt) == 1
    assert stage(rt, row) == "learning"
    labelled = count(rt, Example, Example.label_id.is_not(None))
    assert (labelled, count(rt, Example)) == (108, 120)
    while train.quick(rt):
        pass
    assert stage(rt, row) == "ready"
    while classify.step(rt) or act.step(rt):
        pass
    assert count(rt, Prediction) == len(sample.arrivals())
    assert count(rt, Prediction, Prediction.status == "queued") == 0
    with rt.database.read() as session:
        assert session.get_one(Classifier, row.id).live_version == 1
        assert set(session.scalars(select(Example.origin))) == {"sample"}
    # Whatever this backbone is sure of: those that it is not, people are asked about.
    asked = count(rt, Prediction, Prediction.status == "needs_review")
    assert count(rt, Review, Review.kind == "question") == asked


@SQLITE
def test_new_pages_wait_until_the_training_has_ended(trainable: Runtime, alice: Any) -> None:
    rt = trainable
    begun(rt, alice.workspace_id)
    train.quick(rt)
    with rt.database.write() as session:
        assert imports.claim(session, 60) is None


@SQLITE
def test_killed_while_it_draws_it_goes_on(
    rt: Runtime, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = begun(rt, alice.workspace_id)
    with rt.database.write() as session:
        claimed = imports.claim(session, 60)
    assert claimed is not None
    real, seen = imports.note, []

    class Killed(BaseException):
        pass

    def killed(*args: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise Killed
        real(*args)

    monkeypatch.setattr(imports, "note", killed)
    with pytest.raises(Killed):
        worker.run(rt, claimed)
    monkeypatch.undo()
    assert count(rt, Example) == 50
    with rt.database.write() as session:
        session.get_one(Import, claimed.row.id).lease_until = None
    with rt.database.write() as session:
        again = imports.claim(session, 60)
    assert again is not None
    worker.run(rt, again)
    assert count(rt, Example) == 120
    assert stage(rt, row) == "learning"


@SQLITE
def test_one_that_is_deleted_is_not_worked_on_and_another_can_be_made(
    rt: Runtime, alice: Any, bob: Any, charlie: Any
) -> None:
    row = begun(rt, alice.workspace_id)
    with rt.database.write() as session:
        samples.delete(session, session.get_one(Classifier, row.id))
    assert train.quick(rt) == 1
    assert count(rt, Example) == 0
    with rt.database.read() as session:
        assert session.scalars(select(Import.status)).all() == ["failed"]
    with rt.database.write() as session:
        classifiers.create_classifier(session, alice.workspace_id, name=samples.NAME)
    other = begun(rt, alice.workspace_id)
    assert (other.name, other.id == row.id) == (f"{samples.NAME} (2)", False)
    assert begun(rt, bob.workspace_id).id == other.id
    assert begun(rt, charlie.workspace_id).id != other.id


def test_pages_are_the_same_each_time_and_all_different() -> None:
    pages = sample.arrivals()
    drawn = [page.draw() for page in pages[-3:]]
    assert drawn == [page.draw() for page in pages[-3:]]
    assert len(set(drawn)) == 3
    names = [page.name for page in (*sample.examples(), *pages)]
    assert len(set(names)) == len(names)
    assert all(page.kind != page.other for page in pages)


def test_two_labels_are_wrong_where_no_model_is_judged() -> None:
    judged = [page.draw() for page in sample.examples()[:11]]
    pages = sample.mislabelled(sample.examples(), judged.__contains__)
    wrong = {n: page.label for n, page in enumerate(pages) if page.label not in (None, page.kind)}
    assert wrong == {11: "letter", 12: "form"}
    assert sum(page.label is None for page in pages) == 12
