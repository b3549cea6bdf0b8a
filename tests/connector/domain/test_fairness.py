"""Shares of a batch: what a busy workspace leaves to its neighbours."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, Image, Prediction, Source, Workspace
from connector.domain import decisions, fairness
from connector.ids import new_id


def queue(database: Database, **counts: int) -> None:
    """Let workspaces of these names have so many queued predictions, in this order of arrival."""
    with database.write() as session:
        for name, count in counts.items():
            session.add(Workspace(id=name, name=name))
            session.flush()
            classifier = Classifier(id=f"clf_{name}", workspace_id=name, name=name, recipe="sort")
            session.add(classifier)
            session.flush()
            session.add(
                Source(id=f"src_{name}", workspace_id=name, classifier_id=classifier.id, kind="api")
            )
            picture = Image(
                id=f"img_{name}",
                workspace_id=name,
                sha256=name,
                media_type="image/png",
                width=1,
                height=1,
                size=1,
            )
            session.add(picture)
            session.flush()
            session.add_all(
                Prediction(
                    id=new_id("pred"),
                    workspace_id=name,
                    classifier_id=classifier.id,
                    source_id=f"src_{name}",
                    request_hash="",
                    image_id=picture.id,
                    name="",
                    meta={},
                    location={},
                )
                for _ in range(count)
            )
            session.flush()


def claimed(database: Database, limit: int, *, express: bool = False) -> Counter[str]:
    """Claim a batch; return how many of each workspace are in it."""
    with database.write() as session:
        work = decisions.claim_queued(session, limit=limit, seconds=60, express=express)
        assert express or not work.express
        return Counter(row.workspace_id for row in work.predictions)


def test_a_neighbour_with_two_pictures_is_in_the_next_batch(database: Database) -> None:
    queue(database, ws_a=500, ws_b=2)
    assert claimed(database, 32) == {"ws_a": 30, "ws_b": 2}
    assert claimed(database, 32) == {"ws_a": 32}


def test_short_lines_get_a_batch_of_their_own(database: Database) -> None:
    queue(database, ws_a=500, ws_b=2, ws_c=1)
    assert claimed(database, 12, express=True) == {"ws_b": 2, "ws_c": 1}
    assert claimed(database, 12, express=True) == {"ws_a": 12}


def test_lines_that_fill_their_share_share_a_batch(database: Database) -> None:
    queue(database, ws_a=500, ws_b=6)
    assert claimed(database, 12, express=True) == {"ws_a": 6, "ws_b": 6}


def test_what_is_a_batch_in_all_is_not_cut(database: Database) -> None:
    queue(database, ws_a=3, ws_b=2)
    assert claimed(database, 12, express=True) == {"ws_a": 3, "ws_b": 2}


def test_busy_ones_share_alike_what_the_others_leave(database: Database) -> None:
    queue(database, ws_b=100, ws_c=1, ws_a=100, ws_d=40)
    assert claimed(database, 31) == {"ws_a": 10, "ws_b": 10, "ws_c": 1, "ws_d": 10}
    second = claimed(database, 31)
    assert sorted(second.values()) == [10, 10, 11]
    assert "ws_c" not in second


def test_all_is_claimed_once_in_the_end(database: Database) -> None:
    queue(database, ws_b=20, ws_a=3, ws_c=9)
    total: Counter[str] = Counter()
    while batch := claimed(database, 8):
        assert sum(batch.values()) <= 8
        total += batch
    assert total == {"ws_a": 3, "ws_b": 20, "ws_c": 9}


def test_one_workspace_alone_is_served_in_order_of_arrival(database: Database) -> None:
    queue(database, ws_a=10)
    with database.write() as session:
        assert fairness.in_turn(session, 4) is None
        oldest = session.scalars(select(Prediction.id).order_by(Prediction.id).limit(4)).all()
        assert decisions.claim_queued(session, limit=4, seconds=60).claim.ids == tuple(oldest)


@pytest.mark.parametrize("count", [fairness.MOST + 10])
def test_of_many_workspaces_nobody_is_forgotten(database: Database, count: int) -> None:
    queue(database, **{f"ws_{i:03}": 2 for i in range(count)})
    total: Counter[str] = Counter()
    batches = 0
    while batch := claimed(database, 32):
        total += batch
        batches += 1
    assert set(total.values()) == {2}
    assert len(total) == count
    assert batches <= 2 * count / 32 + 3
