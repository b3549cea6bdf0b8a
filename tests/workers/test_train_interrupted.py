"""Training that is killed, stopped, overtaken, or no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from paints import add, crash, live_version, request, shown, trained
from sqlalchemy import select

from connector.db.tables import Classifier, ModelVersion, TrainingRun
from connector.domain import classifiers, training, versions
from workers import births, train
from workers.reporting import Reporter
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def interrupted(at: str, action: Callable[[], None]) -> Callable[..., Any]:
    """Return a progress reporter that does something when a step is reached, then goes on."""
    original = Reporter.__call__

    def call(self: Any, now: Any) -> None:
        if now.step == at:
            action()
        original(self, now)

    return call


def test_a_killed_run_is_taken_up_and_the_late_worker_writes_nothing(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(6))
    run_id = request(rt, paints)
    stolen: list[Any] = []

    def steal() -> None:
        if not stolen:
            crash(rt)
            with rt.database.write() as session:
                stolen.append(training.claim_run(session, 60))

    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "__call__", interrupted("scoring", steal))
        train.step(rt)
    assert shown(rt, run_id)["status"] == "running"
    assert live_version(rt, paints) is None
    crash(rt)
    train.step(rt)
    assert shown(rt, run_id)["version"] == 1


def test_a_worker_told_to_stop_gives_its_run_back_without_a_strike(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(6))
    run_id = request(rt, paints)
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "__call__", interrupted("embedding", rt.stopping.set))
        train.step(rt)
    assert shown(rt, run_id)["status"] == "running"
    rt.stopping.clear()
    assert train.step(rt) == 1
    assert shown(rt, run_id)["status"] == "done"
    with rt.database.read() as session:
        assert session.scalars(select(TrainingRun.strikes)).one() == 0


def test_a_promotion_in_between_is_judged_again(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(12))
    trained(rt, paints)
    add(rt, paints, range(12, 14))
    trained(rt, paints)
    assert live_version(rt, paints) == 2
    original = births.verdict
    judged: list[int | None] = []

    def judge(*given: Any) -> Any:
        decision = original(*given)
        live: ModelVersion | None = given[3]
        judged.append(live.number if live else None)
        if len(judged) == 1:
            with rt.database.write() as session:
                row = session.get_one(Classifier, paints.id)
                versions.promote(session, rt.settings, row, 1)
        return decision

    monkeypatch.setattr(births, "verdict", judge)
    assert trained(rt, paints)["version"] == 3
    assert judged == [2, 1]


@SQLITE
def test_a_deleted_classifier_is_not_trained(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(6))
    run_id = request(rt, paints)
    with rt.database.write() as session:
        classifiers.delete_classifier(session, session.get_one(Classifier, paints.id))
    train.step(rt)
    assert shown(rt, run_id)["error"]["code"] == "not_found"
