"""Requests for training at the same moment, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from at_once import meanwhile
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Import, TrainingRun
from connector.domain import training


@pytest.fixture
def insects(insects: Classifier, give: Callable[..., None]) -> Classifier:
    give(ant=2, bee=2)
    return insects


def request(database: Database, classifier: Classifier) -> str:
    with database.write() as session:
        return training.request_run(session, classifier).id


def runs(database: Database) -> int:
    with database.read() as session:
        return session.execute(select(func.count(TrainingRun.id))).scalar_one()


def test_two_requests_at_the_same_moment_queue_one_run(
    database: Database, insects: Classifier
) -> None:
    first, second, _ = meanwhile(
        database,
        lambda session: training.request_run(session, insects).id,
        lambda: request(database, insects),
    )
    assert first == second
    assert runs(database) == 1


def test_many_requests_at_the_same_moment_queue_one_run(
    database: Database, insects: Classifier
) -> None:
    together = threading.Barrier(6)

    def ask() -> str:
        together.wait(10)
        return request(database, insects)

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask) for _ in range(6)]
        assert len({one.result(timeout=30) for one in asked}) == 1
    assert runs(database) == 1


def test_a_run_that_is_being_claimed_is_not_the_one_that_waits(
    database: Database, insects: Classifier
) -> None:
    """It may have read its pictures already when the new request is answered."""
    waiting = request(database, insects)

    def claim(session: Session) -> str:
        claimed = training.claim_run(session, 60)
        assert claimed is not None
        return claimed.row.id

    taken, asked, _ = meanwhile(database, claim, lambda: request(database, insects))
    assert taken == waiting
    assert asked != waiting
    assert runs(database) == 2


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_what_only_refers_to_the_classifier_does_not_wait(
    database: Database, insects: Classifier
) -> None:
    def refer() -> None:
        with database.write() as session:
            session.add(Import(classifier_id=insects.id, label_mode="auto"))

    _, _, in_time = meanwhile(
        database, lambda session: training.request_run(session, insects), refer, seconds=20
    )
    assert in_time
