"""Pictures that are old enough go; what is needed stays, and so does every answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from acting import MOVE, add_rule
from aged import age, answered, left_over, lost, prune, sha256_of, submit
from colours import picture
from conftest import Person
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import (
    Action,
    Classifier,
    Embedding,
    Example,
    Image,
    Prediction,
    Review,
)
from connector.db.types import utcnow
from connector.domain import classifiers, effects, predictions, quotas, retention
from connector.domain.predictions import SourceRef
from connector.domain.retention import Released
from connector.domain.retention_survey import survey
from connector.errors import Gone, TooMany
from connector.settings import Settings
from workers import act, classify
from workers.runtime import Runtime

RED = sha256_of(picture("red"))
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"retention_days": 30, "undo_days": 7})


def row(database: Database, prediction_id: str) -> Prediction:
    with database.read() as session:
        return session.get_one(Prediction, prediction_id)


def keep_for(database: Database, classifier: Classifier, days: int | None) -> None:
    with database.write() as session:
        mine = session.get_one(Classifier, classifier.id)
        classifiers.update_classifier(
            session, mine, retention_days=days, clear_retention=days is None
        )


def test_an_old_picture_goes_and_its_answer_stays(rt: Runtime, api_source: SourceRef) -> None:
    old, new = answered(rt, api_source), answered(rt, api_source, "blue")
    age(rt.database, old)
    before = row(rt.database, old)
    size = len(picture("red"))
    assert survey(rt.database, rt.settings) == Released(1, 1, size)
    assert rt.blobs.exists(RED)
    assert prune(rt) == Released(1, 1, size)
    after = row(rt.database, old)
    assert after.image_deleted_at is not None
    assert (after.label, after.confidence) == ("red", before.confidence)
    assert after.decided_at == before.decided_at
    assert not rt.blobs.exists(RED)
    with rt.database.read() as session:
        assert RED not in session.scalars(select(Embedding.sha256)).all()
        with pytest.raises(Gone, match="its answer is kept"):
            predictions.get_image(session, api_source.workspace_id, old)
    assert row(rt.database, new).image_deleted_at is None
    assert (prune(rt), lost(rt), left_over(rt)) == (Released(), [], [])


def test_nothing_goes_where_nothing_is_said(rt: Runtime, api_source: SourceRef) -> None:
    answered(rt, api_source)
    age(rt.database)
    rt.settings = rt.settings.model_copy(update={"retention_days": 0})
    assert prune(rt) == Released()


def test_a_classifier_may_say_otherwise(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    answered(rt, api_source)
    age(rt.database, days=40)
    for days in (0, 41):
        keep_for(rt.database, colours, days)
        assert prune(rt) == Released()
    keep_for(rt.database, colours, 39)
    rt.settings = rt.settings.model_copy(update={"retention_days": 0})
    assert prune(rt).predictions == 1
    answered(rt, api_source, seed=1)
    age(rt.database, days=40)
    keep_for(rt.database, colours, None)
    assert prune(rt) == Released()


def test_pictures_of_a_deleted_classifier_go_too(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    answered(rt, api_source)
    age(rt.database)
    with rt.database.write() as session:
        classifiers.delete_classifier(session, session.get_one(Classifier, colours.id))
    assert prune(rt).pictures == 1


def test_what_waits_for_an_answer_stays(rt: Runtime, api_source: SourceRef) -> None:
    queued = submit(rt, api_source, picture("red"))
    age(rt.database)
    assert prune(rt) == Released()
    classify.step(rt)
    with rt.database.write() as session:
        session.execute(update(Prediction).values(status="needs_review"))
    assert prune(rt) == Released()
    with rt.database.write() as session:
        # An audit: the answer stands, and a person has yet to look at it.
        session.execute(update(Prediction).values(status="done"))
        session.add(
            Review(
                id="rev_1",
                workspace_id=api_source.workspace_id,
                prediction_id=queued,
                kind="audit",
                reason="",
            )
        )
    assert prune(rt) == Released()
    with rt.database.write() as session:
        session.execute(update(Review).values(state="answered"))
    assert prune(rt).pictures == 1


@pytest.mark.parametrize("labelled", [True, False])
def test_examples_stay(
    rt: Runtime, api_source: SourceRef, colours: Classifier, labelled: bool
) -> None:
    prediction_id = answered(rt, api_source)
    age(rt.database)
    with rt.database.write() as session:
        label = classifiers.find_label(session, colours, "red")
        session.add(
            Example(
                id="ex_1",
                classifier_id=colours.id,
                image_id=session.get_one(Prediction, prediction_id).image_id,
                label_id=label.id if labelled else None,
                name="",
                origin="review",
            )
        )
    assert prune(rt) == Released()
    assert rt.blobs.exists(RED)
    with rt.database.write() as session:
        session.delete(session.get_one(Example, "ex_1"))
    assert prune(rt).pictures == 1


def test_a_picture_stays_while_an_action_on_it_waits_or_may_be_undone(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    add_rule(rt, colours, MOVE)
    prediction_id = submit(rt, api_source, picture("red"))
    classify.step(rt)
    age(rt.database)
    assert prune(rt) == Released()
    while act.step(rt):
        pass
    assert prune(rt) == Released()
    finished = utcnow() - timedelta(days=8)
    with rt.database.write() as session:
        session.execute(update(Action).values(finished_at=finished))
    assert prune(rt).pictures == 1
    # The file in the folder is the last one now: undoing would take it away.
    with rt.database.write() as session:
        action_id = session.scalars(select(Action.id)).one()
        with pytest.raises(Gone, match="was deleted"):
            effects.request_undo(session, api_source.workspace_id, action_id)
        with pytest.raises(Gone):
            effects.request_undo_all(session, api_source.workspace_id, prediction_id)
        assert not session.get_one(Action, action_id).pending


def test_a_turned_picture_goes_with_the_one_it_was_made_of(
    rt: Runtime, api_source: SourceRef, colours: Classifier
) -> None:
    add_rule(rt, colours, {"kind": "rotate", "params": {"degrees": 90}})
    first = answered(rt, api_source)
    turned = row(rt.database, first).location["sha256"]
    second = answered(rt, api_source)
    assert turned != RED
    age(rt.database, first)
    assert prune(rt) == Released(1, 0, 0)
    assert rt.blobs.exists(turned)
    assert rt.blobs.exists(RED)
    age(rt.database, second)
    assert prune(rt).pictures == 1
    assert not rt.blobs.exists(turned)
    assert not rt.blobs.exists(RED)
    # And everything from the start: neither is taken for one that is there.
    third = answered(rt, api_source)
    assert rt.blobs.exists(row(rt.database, third).location["sha256"])
    assert lost(rt) == []


def test_bytes_that_two_workspaces_have_go_with_the_last(
    rt: Runtime, api_source: SourceRef, charlie: Person
) -> None:
    from colours import colour_classifier

    with rt.database.write() as session:
        his = colour_classifier(session, rt.blobs, charlie.workspace_id)
        source = SourceRef.of(classifiers.source(session, his, "api"), his)
    mine, theirs = answered(rt, api_source), answered(rt, source)
    age(rt.database, mine)
    assert survey(rt.database, rt.settings) == Released(1, 1, 0)
    assert prune(rt) == Released(1, 1, 0)
    assert rt.blobs.exists(RED)
    assert row(rt.database, theirs).image_deleted_at is None
    age(rt.database, theirs)
    assert prune(rt) == Released(1, 1, len(picture("red")))
    assert not rt.blobs.exists(RED)


def test_the_same_picture_sent_again_is_there_again(rt: Runtime, api_source: SourceRef) -> None:
    first = answered(rt, api_source)
    age(rt.database)
    prune(rt)
    second = answered(rt, api_source)
    assert row(rt.database, second).label == "red"
    assert row(rt.database, first).image_deleted_at is not None
    assert row(rt.database, second).image_id == row(rt.database, first).image_id
    assert lost(rt) == []
    age(rt.database, second)
    assert prune(rt).pictures == 1
    assert left_over(rt) == []


def test_a_failed_prediction_whose_picture_is_gone_is_not_tried_again(
    rt: Runtime, api_source: SourceRef
) -> None:
    prediction_id = answered(rt, api_source)
    with rt.database.write() as session:
        session.execute(update(Prediction).values(status="failed"))
    age(rt.database)
    prune(rt)
    with rt.database.write() as session, pytest.raises(Gone, match="Send the picture again"):
        predictions.retry(session, api_source.workspace_id, prediction_id)
    assert row(rt.database, prediction_id).status == "failed"


def test_what_a_workspace_keeps_goes_down(rt: Runtime, api_source: SourceRef) -> None:
    answered(rt, api_source)
    age(rt.database)
    size = len(picture("red"))
    limited = rt.settings.model_copy(update={"max_kept_bytes": size + 10})
    with pytest.raises(TooMany):
        quotas.Quotas(rt.database, limited).take(api_source.workspace_id, size=11)
    prune(rt)
    quotas.Quotas(rt.database, limited).take(api_source.workspace_id, size=size)


@SQLITE
def test_many_go_in_small_batches(
    rt: Runtime, api_source: SourceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 4)
    for seed in range(10):
        submit(rt, api_source, picture("red", seed=seed))
    while classify.step(rt):
        pass
    age(rt.database)
    told = [one.predictions for one in retention.passes(rt.database, rt.blobs, rt.settings)]
    assert [count for count in told if count] == [4, 4, 2]
    with rt.database.read() as session:
        assert session.scalars(select(Image.id).where(Image.deleted_at.is_(None))).all() == []
    assert left_over(rt) == []
