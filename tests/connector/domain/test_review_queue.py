"""Who gets which question: never two the same, and none is lost when somebody leaves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asking import ask, looker, review_of
from at_once import meanwhile
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Classifier, Prediction, Review
from connector.db.types import utcnow
from connector.domain import review_queue as queue
from connector.domain import reviews
from connector.domain.predictions import SourceRef
from connector.domain.review_queue import Looker
from connector.errors import Conflict, NotFound
from workers.runtime import Runtime

Person = Any


@pytest.fixture
def anna(database: Database, alice: Person) -> Looker:
    return looker(database, alice.workspace_id, "Anna")


@pytest.fixture
def ben(database: Database, alice: Person) -> Looker:
    return looker(database, alice.workspace_id, "Ben")


def claim(database: Database, who: Looker, **wanted: Any) -> list[str]:
    with database.write() as session:
        return queue.claim(session, who, **wanted)


def let_lapse(database: Database) -> None:
    """Let everybody have looked away for long."""
    with database.write() as session:
        session.execute(update(Review).values(claimed_until=utcnow() - timedelta(seconds=1)))


def test_two_people_get_different_questions_the_oldest_first(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    first, second, third = ask(rt, api_source, 3)
    assert claim(database, anna) == [first]
    assert claim(database, ben) == [second]
    assert claim(database, anna) == [first], "who looks again is asked the same"
    assert claim(database, anna, besides=[first]) == [third]
    assert claim(database, ben, besides=[second]) == []


def test_two_people_at_the_same_moment_get_different_questions(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    questions = ask(rt, api_source, 2)
    mine, theirs, _ = meanwhile(
        database, lambda session: queue.claim(session, anna), lambda: claim(database, ben)
    )
    assert [*mine, *theirs] == questions


def test_many_people_at_once_share_all_questions(
    rt: Runtime, database: Database, api_source: SourceRef, alice: Person
) -> None:
    questions = ask(rt, api_source, 12)
    everybody = [Looker(alice.workspace_id, f"ses_{n}", f"prs_{n}") for n in range(4)]
    start = threading.Barrier(4)

    def answer_all(who: Looker) -> list[str]:
        start.wait(20)
        got: list[str] = []
        while found := claim(database, who, besides=got):
            got += found
        return got

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(answer_all, everybody))
    assert sorted(one for share in shares for one in share) == questions


def test_one_question_is_one_persons(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    ask(rt, api_source)
    mine, theirs, _ = meanwhile(
        database, lambda session: queue.claim(session, anna), lambda: claim(database, ben)
    )
    assert (len(mine), theirs) == (1, [])
    with database.read() as session:
        assert queue.held_by_others(session, ben) == 1
        assert queue.held_by_others(session, anna) == 0


def test_a_claim_that_nobody_renews_lapses(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    (question,) = ask(rt, api_source)
    claim(database, anna)
    let_lapse(database)
    with database.write() as session:
        assert queue.lost(session, anna, [question]) == [], "nobody took it meanwhile"
    assert claim(database, ben) == []
    let_lapse(database)
    assert claim(database, ben) == [question]
    with database.write() as session:
        assert queue.lost(session, anna, [question]) == [question]


def test_who_leaves_gives_back_their_own_and_no_more(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    first, second = ask(rt, api_source, 2)
    claim(database, anna)
    claim(database, ben)
    with database.write() as session:
        queue.release(session, anna, [first, second])
    assert claim(database, anna) == [first]
    assert claim(database, anna, besides=[first]) == []


def test_a_skipped_question_is_for_others(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    (question,) = ask(rt, api_source)
    with database.write() as session:
        assert queue.claim(session, anna) == [question]
        queue.skip(session, anna, question)
        queue.skip(session, anna, question)
    assert claim(database, anna) == []
    with database.read() as session:
        assert queue.skipped(session, anna) == 1
        assert queue.skipped(session, ben) == 0
    assert claim(database, ben) == [question]
    with database.write() as session:
        queue.release(session, ben, [question])
        queue.see_again(session, anna)
    assert claim(database, anna) == [question]


def test_whoever_answers_first_is_heard_claim_or_not(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, ben: Looker
) -> None:
    (question,) = ask(rt, api_source)
    claim(database, anna)
    with database.write() as session:
        queue.skip(session, ben, question)
        reviews.answer(session, rt.settings, ben.workspace_id, question, "red", by="Ben")
    assert claim(database, anna) == []
    review, _ = review_of(database, question)
    assert (review.claimed_by, review.claimed_until) == (None, None)
    with database.read() as session:
        assert queue.skipped(session, ben) == 0
    with database.write() as session, pytest.raises(Conflict, match="Ben answered this already"):
        reviews.answer(session, rt.settings, anna.workspace_id, question, "blue", by="Anna")


def test_questions_come_before_audits_and_of_the_classifier_that_is_asked_for(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, colours: Classifier
) -> None:
    audit, question = ask(rt, api_source, 2)
    with database.write() as session:
        row = session.get_one(Review, audit)
        # An audit is about an answer that stands already.
        row.kind, session.get_one(Prediction, row.prediction_id).status = "audit", "done"
    assert claim(database, anna, count=2, classifier_id="clf_other") == []
    assert claim(database, anna) == [question]
    assert claim(database, anna, classifier_id=colours.id, count=2) == [question, audit]
    with database.read() as session:
        (waiting,) = queue.waiting(session, anna.workspace_id)
    assert (waiting.classifier_id, waiting.count) == (colours.id, 2)


def test_a_deleted_classifier_asks_nothing(
    rt: Runtime, database: Database, api_source: SourceRef, anna: Looker, colours: Classifier
) -> None:
    ask(rt, api_source)
    with database.write() as session:
        session.get_one(Classifier, colours.id).deleted_at = utcnow()
    assert claim(database, anna) == []
    with database.read() as session:
        assert queue.waiting(session, anna.workspace_id) == []


def test_charlie_gets_and_touches_nothing(
    rt: Runtime, database: Database, api_source: SourceRef, charlie: Person, anna: Looker
) -> None:
    (question,) = ask(rt, api_source)
    outsider = looker(database, charlie.workspace_id, "Charlie")
    assert claim(database, outsider) == []
    with database.write() as session:
        assert queue.lost(session, outsider, [question]) == [question]
        with pytest.raises(NotFound):
            queue.skip(session, outsider, question)
    claim(database, anna)
    same_session = Looker(outsider.workspace_id, anna.session_id, outsider.person_id)
    with database.write() as session:
        queue.release(session, same_session, [question])
    assert review_of(database, question)[0].claimed_by == anna.session_id
