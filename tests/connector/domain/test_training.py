"""Training runs and versions: asked for once, held by one, live only when not worse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Classifier, Event, TrainingRun
from connector.db.types import utcnow
from connector.domain import classifiers, facts, outbound, training, versions
from connector.domain.training import Claimed
from connector.domain.versions import NewVersion, Verdict, judge
from connector.errors import Conflict, LostLease, NotFound, Unprocessable
from connector.settings import Settings

Person = Any
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def claim(database: Database, seconds: float = 60) -> Claimed | None:
    with database.write() as session:
        return training.claim_run(session, seconds)


def request(database: Database, classifier: Classifier) -> TrainingRun:
    with database.write() as session:
        return training.request_run(session, classifier)


def crash(database: Database) -> None:
    with database.write() as session:
        session.execute(update(TrainingRun).values(lease_until=utcnow()))


def new_version(mark: str = "a") -> NewVersion:
    return NewVersion(
        kind="head",
        labels=("ant", "bee"),
        thresholds={"ant": 0.8, "bee": 0.9},
        card={"labels": ["ant", "bee"]},
        metrics={"accuracy": 0.9},
        backbone_sha256=mark * 64,
        head_sha256=mark * 64,
        unlike_sha256=None,
    )


def register(
    database: Database, settings: Settings, claimed: Claimed | None, verdict: Verdict
) -> int:
    assert claimed is not None
    with database.write() as session:
        return training.register(
            session, settings, claimed, new_version(), verdict, operating=None, notice=None
        )


def complete(database: Database, claimed: Claimed | None) -> None:
    assert claimed is not None
    with database.write() as session:
        training.complete(
            session,
            claimed,
            portable_sha256="p" * 64,
            report_sha256="r" * 64,
            metrics={"portable_max_difference": 0.0},
        )


def finish(
    database: Database, settings: Settings, claimed: Claimed | None, verdict: Verdict
) -> int:
    number = register(database, settings, claimed, verdict)
    complete(database, claimed)
    return number


FIRST = judge(None, 0.9, None, 10)


@SQLITE
@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "“ant” has 0 and needs 2 more"),
        ({"ant": 5}, "“bee” has 0 and needs 2 more"),
        ({"ant": 5, "bee": 1}, "“bee” has 1 and needs 1 more"),
    ],
)
def test_too_few_examples_are_refused_with_what_is_missing(
    database: Database,
    insects: Classifier,
    give: Callable[..., None],
    counts: dict[str, int],
    words: str,
) -> None:
    give(**counts)
    with pytest.raises(Unprocessable, match=words) as caught:
        request(database, insects)
    assert caught.value.code == "not_enough_examples"
    assert claim(database) is None


def test_a_queued_run_is_returned_instead_of_a_second_one(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    first = request(database, insects)
    assert request(database, insects).id == first.id
    claimed = claim(database)
    assert claimed is not None
    assert claimed.row.id == first.id
    assert request(database, insects).id != first.id


def test_asking_rings_for_the_train_job(
    database_url: str, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    rung: list[str] = []
    database = Database(database_url, ring=rung.append)
    request(database, insects)
    database.close()
    assert rung == ["train"]


def test_the_notice_about_weights_goes_with_the_run(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    with database.write() as session:
        facts.put(session, facts.WEIGHTS, {"available": False, "sentence": "They are missing."})
    row = request(database, insects)
    assert training.resource(row, "https://c.example")["notice"] == "They are missing."


def test_the_training_set_leaves_labels_with_one_example_out(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=3, bee=2, wasp=1)
    with database.read() as session:
        found = training.training_set(session, insects.id)
    assert found.labels == ("ant", "bee")
    assert [p.label for p in found.pictures] == ["ant"] * 3 + ["bee"] * 2
    assert found.left_out == ("wasp",)
    assert found.notice is not None
    assert "wasp" in found.notice


def test_progress_is_seen_and_fenced(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    run_id = request(database, insects).id
    first = claim(database)
    assert first is not None
    with database.write() as session:
        training.progress(session, first, step="embedding", done=3, total=4, message="3 of 4")
    with database.read() as session:
        row = training.get_run(session, insects, run_id)
        shown = training.resource(row, "https://c.example")
    assert (shown["status"], shown["step"], shown["done"]) == ("running", "embedding", 3)
    crash(database)
    second = claim(database)
    assert second is not None
    for late in (
        lambda s: training.progress(s, first, step="x", done=0, total=0, message=""),
        lambda s: training.fail(s, first, "x", "x"),
    ):
        with database.write() as session, pytest.raises(LostLease):
            late(session)
    with pytest.raises(LostLease):
        register(database, Settings(secret_key="x"), first, FIRST)
    with pytest.raises(LostLease):
        complete(database, first)
    with database.read() as session:
        assert versions.list_versions(session, insects).items == []


def test_a_run_that_ends_its_worker_thrice_fails_with_a_sentence(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    run_id = request(database, insects).id
    for _ in range(3):
        assert claim(database) is not None
        crash(database)
    assert claim(database) is None
    with database.read() as session:
        row = training.get_run(session, insects, run_id)
        assert row.status == "failed"
        assert "memory" in (row.error or "")


def test_the_first_version_goes_live_with_its_event(
    database: Database, settings: Settings, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    events = ["model.promoted", "model.rejected"]
    wanted = outbound.subscription(settings, "https://93.184.216.34/hook", events)
    with database.write() as session:
        outbound.create_webhook(session, insects.workspace_id, wanted)
    request(database, insects)
    assert finish(database, settings, claim(database), FIRST) == 1
    with database.read() as session:
        row = session.get_one(Classifier, insects.id)
        assert row.live_version == 1
        assert classifiers.summary(session, row, "https://c.example")["accuracy"] == 0.9
        event = session.scalars(select(Event)).one()
        assert event.type == "model.promoted"
        assert event.payload["number"] == 1
        assert event.payload["live"] is True
        run = session.scalars(select(TrainingRun)).one()
        assert (run.status, run.version, run.promoted) == ("done", 1, True)


def test_a_version_is_live_before_its_files_are_written(
    database: Database, settings: Settings, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    run_id = request(database, insects).id
    claimed = claim(database)
    register(database, settings, claimed, FIRST)
    with database.read() as session:
        row = session.get_one(Classifier, insects.id)
        made = versions.version(session, row, 1)
        run = session.get_one(TrainingRun, run_id)
        assert (row.live_version, row.stale, run.status) == (1, True, "running")
        for asked, code in (
            (versions.portable, "model_file_not_ready"),
            (versions.report, "report_not_ready"),
        ):
            with pytest.raises(Conflict) as early:
                asked(made)
            assert early.value.code == code
    complete(database, claimed)
    with database.read() as session:
        made = versions.version(session, insects, 1)
        assert (versions.portable(made), versions.report(made)) == ("p" * 64, "r" * 64)
        assert made.metrics["portable_max_difference"] == 0.0
        assert session.get_one(TrainingRun, run_id).status == "done"


def test_a_worse_version_is_kept_but_does_not_go_live(
    database: Database, settings: Settings, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    request(database, insects)
    finish(database, settings, claim(database), FIRST)
    with database.read() as session:
        live = versions.version(session, insects, 1)
        verdict = judge(live, 0.7, 0.9, 30)
    assert not verdict.promoted
    request(database, insects)
    assert finish(database, settings, claim(database), verdict) == 2
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        assert row.live_version == 1
        run = session.scalars(select(TrainingRun).where(TrainingRun.version == 2)).one()
        assert run.promoted is False
        assert "70.0%" in (run.message or "")
        versions.promote(session, settings, row, 2)
        assert row.live_version == 2
        versions.promote(session, settings, row, 1)
        assert row.live_version == 1


@SQLITE
@pytest.mark.parametrize(
    ("new", "old", "promoted"),
    [(0.9, 0.8, True), (0.9, 0.9, True), (0.89, 0.9, False), (None, None, True)],
)
def test_the_verdict_is_by_accuracy_on_the_same_pictures(
    database: Database,
    settings: Settings,
    insects: Classifier,
    give: Callable[..., None],
    new: float | None,
    old: float | None,
    promoted: bool,
) -> None:
    give(ant=2, bee=2)
    request(database, insects)
    finish(database, settings, claim(database), FIRST)
    with database.read() as session:
        live = versions.version(session, insects, 1)
        verdict = judge(live, new, old, 30)
    assert verdict.promoted is promoted
    assert verdict.judged_against == 1
    assert verdict.reason.endswith(".")


def test_a_verdict_about_another_live_version_does_not_count(
    database: Database, settings: Settings, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2, bee=2)
    request(database, insects)
    first = claim(database)
    request(database, insects)
    second = claim(database)
    finish(database, settings, first, FIRST)
    with pytest.raises(Conflict) as caught:
        finish(database, settings, second, FIRST)
    assert caught.value.code == "live_version_changed"
    with database.read() as session:
        assert len(versions.list_versions(session, insects).items) == 1
        assert [run.status for run in training.list_runs(session, insects).items] == [
            "running",
            "done",
        ]


def test_charlie_finds_no_run_and_no_version_of_alices(
    database: Database,
    settings: Settings,
    insects: Classifier,
    charlie: Person,
    give: Callable[..., None],
) -> None:
    give(ant=2, bee=2)
    run_id = request(database, insects).id
    finish(database, settings, claim(database), FIRST)
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
        with pytest.raises(NotFound):
            training.get_run(session, his, run_id)
        with pytest.raises(NotFound):
            versions.version(session, his, 1)
        with pytest.raises(NotFound):
            versions.promote(session, settings, his, 1)
