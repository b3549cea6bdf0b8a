"""The clock lets pictures go a little at a time, and ends what others left unfinished."""

from __future__ import annotations

import logging

import pytest
from aged import age, answered, left_over, lost, submit
from colours import picture
from sqlalchemy import select, update

from connector.db.tables import Prediction, Removal
from connector.domain import retention
from connector.domain.predictions import SourceRef
from connector.settings import Settings
from workers import classify, pruning
from workers.pruning import Pruning
from workers.runtime import Runtime


class Clock:
    """Time that passes only when it is told to, and a little whenever somebody looks."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.2
        return self.now


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"retention_days": 30})


def kept(rt: Runtime) -> int:
    with rt.database.read() as session:
        statement = select(Prediction.id).where(Prediction.image_deleted_at.is_(None))
        return len(session.scalars(statement).all())


def test_it_takes_many_turns_and_tells_once(
    rt: Runtime,
    api_source: SourceRef,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "workers.pruning")
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    for seed in range(6):
        submit(rt, api_source, picture("red", seed=seed))
    while classify.step(rt):
        pass
    age(rt.database)
    clock = Clock()
    mine = Pruning(rt, clock)
    left = []
    while kept(rt):
        mine.turn()
        left.append(kept(rt))
    assert len(left) > 2
    assert left == sorted(left, reverse=True)
    mine.turn()
    assert [record.message for record in caplog.records if "retention" in record.message] == [
        "retention: 6 predictions without their picture, 6 pictures and "
        f"{sum(len(picture('red', seed=seed)) for seed in range(6))} bytes gone"
    ]
    assert (lost(rt), left_over(rt)) == ([], [])
    # The next run is an hour later.
    answered(rt, api_source, "blue")
    age(rt.database)
    mine.turn()
    assert kept(rt) == 1
    clock.now += pruning.EVERY_SECONDS
    mine.turn()
    assert kept(rt) == 0


def test_it_ends_what_somebody_left_unfinished(rt: Runtime, api_source: SourceRef) -> None:
    mine = Pruning(rt, Clock())
    mine.turn()
    mine.turn()
    answered(rt, api_source)
    age(rt.database)
    for _ in retention.passes(rt.database, rt.blobs, rt.settings):
        break
    with rt.database.write() as session:
        session.execute(update(Removal).values(state="deleting"))
    mine.turn()
    assert left_over(rt) == []
