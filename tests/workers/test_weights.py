"""Pretrained weights: looked for at the start, and missed aloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from paints import add, trained

from connector.db.tables import Classifier
from connector.domain import classifiers, facts
from workers import weights
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@SQLITE
def test_without_better_weights_those_in_the_box_are_used_and_everybody_is_told(
    rt: Runtime, paints: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    # Nothing listens there: as on a machine without internet, only sooner.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    rt.settings = rt.settings.model_copy(update={"weights": None})
    add(rt, paints, range(8))
    run = trained(rt, paints)
    assert run["error"] is None
    assert "COLABEL_WEIGHTS" in run["notice"]
    with rt.database.read() as session:
        row = session.get_one(Classifier, paints.id)
        shown_now = classifiers.summary(session, row, "https://c.example")
    assert "COLABEL_WEIGHTS" in shown_now["notice"]
    assert shown_now["live_version"] == 1
    with rt.database.read() as session:
        found = facts.get(session, facts.WEIGHTS)
    assert found is not None
    assert (found["available"], found["backbone"]) == (False, "colabel_small")
    assert "network in the box" in found["sentence"]


@SQLITE
def test_who_chose_the_network_in_the_box_is_not_warned(rt: Runtime, paints: Classifier) -> None:
    rt.settings = rt.settings.model_copy(update={"backbone": "colabel_small", "weights": None})
    add(rt, paints, range(8))
    assert trained(rt, paints)["notice"] is None
    with rt.database.read() as session:
        assert facts.weights_notice(session) is None
    assert weights.check(rt.settings)["available"] is True


@SQLITE
def test_from_scratch_is_a_choice_of_which_everybody_is_told(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.scratch._STEPS", 20)
    rt.settings = rt.settings.model_copy(update={"backbone": "scratch", "weights": None})
    add(rt, paints, range(8))
    assert "COLABEL_BACKBONE is scratch" in trained(rt, paints)["notice"]
    assert weights.check(rt.settings)["available"] is False


@SQLITE
def test_the_weights_are_looked_for_when_the_worker_starts(trainable: Runtime) -> None:
    weights.check_in_background(trainable).join(60)
    with trainable.database.read() as session:
        found = facts.get(session, facts.WEIGHTS)
    assert found is not None
    assert found["available"] is True
    assert "mobilenet_v2" in found["sentence"]
