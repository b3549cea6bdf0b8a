"""Training that begins by itself: from the first examples on, and as labels come in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, Import, TrainingRun
from connector.db.types import utcnow
from connector.domain import learning, training

Give = Callable[..., None]


def changed(database: Database, classifier: Classifier, changes: int, seconds_ago: float) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        row.changes = changes
        row.changed_at = utcnow() - timedelta(seconds=seconds_ago)


def begun(database: Database) -> list[tuple[str, str]]:
    """Begin what is due; return each run's kind and reason."""
    with database.read() as session:
        due = learning.any_due(session)
    with database.write() as session:
        runs = [session.get_one(TrainingRun, one) for one in learning.request_due(session)]
        assert due == bool(runs)
        return [(run.kind, run.reason) for run in runs]


def trained(database: Database, classifier: Classifier, changes_seen: int, took: float) -> None:
    """A model is live, by a run that ended just now."""
    moment = utcnow()
    with database.write() as session:
        session.get_one(Classifier, classifier.id).live_version = 1
        session.add(
            TrainingRun(
                classifier_id=classifier.id,
                status="done",
                changes_seen=changes_seen,
                started_at=moment - timedelta(seconds=took),
                finished_at=moment,
            )
        )


def test_the_first_two_examples_of_two_labels_begin_the_first_training(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=2, bee=1)
    changed(database, insects, 3, seconds_ago=60)
    assert begun(database) == []
    give(wasp=2)
    changed(database, insects, 5, seconds_ago=1)
    assert begun(database) == [], "more may be on its way"
    changed(database, insects, 5, seconds_ago=3)
    assert begun(database) == [("head", "first_examples")]
    assert begun(database) == [], "it waits in the queue already"


def test_a_run_that_saw_everything_leaves_nothing_to_begin(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=2, bee=2)
    changed(database, insects, 4, seconds_ago=900)
    trained(database, insects, changes_seen=4, took=1)
    assert begun(database) == []


@pytest.mark.parametrize(
    ("changes", "seconds_ago", "expected"),
    [(1, 10, False), (3, 10, True), (1, 301, True), (3, 0.5, False)],
    ids=["too few", "enough", "few that waited", "still going on"],
)
def test_new_labels_are_worth_a_training_by_number_or_by_age(
    database: Database,
    insects: Classifier,
    give: Give,
    changes: int,
    seconds_ago: float,
    expected: bool,
) -> None:
    give(ant=70, bee=70)
    trained(database, insects, changes_seen=140, took=0)
    changed(database, insects, 140 + changes, seconds_ago)
    assert begun(database) == ([("head", "new_labels")] if expected else [])


def test_a_training_that_takes_long_rests_in_between(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=5, bee=5)
    trained(database, insects, changes_seen=10, took=30)
    changed(database, insects, 20, seconds_ago=10)
    assert begun(database) == []


def forbid(database: Database, classifier: Classifier, what: str) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        if what == "switched off":
            row.auto_train = False
        elif what == "deleted":
            row.deleted_at = utcnow()
        elif what == "an import goes on":
            session.add(Import(classifier_id=row.id, status="running", label_mode="folders"))
        else:
            training.request_run(session, row)


@pytest.mark.parametrize("what", ["switched off", "deleted", "an import goes on", "asked for"])
def test_nothing_begins_by_itself_while_that_is_so(
    database: Database, insects: Classifier, give: Give, what: str
) -> None:
    give(ant=2, bee=2)
    changed(database, insects, 4, seconds_ago=60)
    forbid(database, insects, what)
    assert begun(database) == []


def test_a_failed_run_is_not_begun_again_before_something_changes(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=2, bee=2)
    changed(database, insects, 4, seconds_ago=60)
    assert begun(database) == [("head", "first_examples")]
    with database.write() as session:
        claimed: Any = training.claim_run(session, 60)
        training.read_set(session, claimed)
        training.fail(session, claimed, "unexpected", "It went wrong.")
    assert begun(database) == []
    changed(database, insects, 5, seconds_ago=60)
    assert begun(database) == [("head", "first_examples")]


def test_asking_while_a_run_has_read_everything_gives_that_run(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=2, bee=2)
    changed(database, insects, 4, seconds_ago=60)
    with database.write() as session:
        first = training.request_run(session, session.get_one(Classifier, insects.id)).id
    with database.write() as session:
        claimed: Any = training.claim_run(session, 60)
        training.read_set(session, claimed)
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        assert training.request_run(session, row).id == first
        assert training.request_run(session, row, kind=training.FINETUNE).id != first
    changed(database, insects, 5, seconds_ago=0)
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        assert training.request_run(session, row).id != first


def tuning_asked(database: Database, classifier: Classifier) -> str | None:
    with database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        run = learning.request_tuning(session, row)
        return None if run is None else run.status


def tuning_ended(database: Database, status: str, pictures: int) -> None:
    with database.write() as session:
        claimed: Any = training.claim_run(session, 60, training.FINETUNE)
        row = training.WORK.done(session, claimed)
        row.status, row.metrics = status, {"count": pictures // 5, "training_count": pictures}


def test_fine_tuning_begins_when_there_is_enough_and_again_when_there_is_more(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=19, bee=20)
    assert tuning_asked(database, insects) is None
    give(wasp=40)
    assert tuning_asked(database, insects) == "queued"
    assert tuning_asked(database, insects) is None, "one is on its way"
    tuning_ended(database, "done", 66)
    assert tuning_asked(database, insects) is None, "it knew these pictures"
    with database.write() as session:
        session.scalars(select(TrainingRun)).one().metrics = {"count": 12, "training_count": 50}
    assert tuning_asked(database, insects) == "queued"


def test_a_fine_tuning_that_failed_is_not_tried_again_by_itself(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=30, bee=30)
    assert tuning_asked(database, insects) == "queued"
    tuning_ended(database, "failed", 0)
    assert tuning_asked(database, insects) is None


def test_what_one_waits_for_is_told_before_it_begins(
    database: Database, insects: Classifier, give: Give
) -> None:
    give(ant=70, bee=70)
    trained(database, insects, changes_seen=140, took=0)
    changed(database, insects, 140, seconds_ago=60)
    with database.read() as session:
        assert learning.next_training(session, session.get_one(Classifier, insects.id)) is None
    changed(database, insects, 141, seconds_ago=60)
    with database.read() as session:
        one = learning.next_training(session, session.get_one(Classifier, insects.id))
        assert one is not None
        # Of 140 examples, 2 % are three.
        assert (one.changes, one.missing) == (1, 2)
        left = (one.due_at - utcnow()).total_seconds()
        assert 230 < left <= 240
        assert not one.due(utcnow())
        assert one.due(one.due_at)
    changed(database, insects, 143, seconds_ago=60)
    with database.read() as session:
        one = learning.next_training(session, session.get_one(Classifier, insects.id))
        assert one is not None
        assert one.missing == 0
        assert one.due(utcnow())
