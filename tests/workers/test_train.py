"""The train job: from examples to a live version, through kills, bad settings and worse models."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from colours import backbone as colour_backbone
from colours import picture
from sqlalchemy import func, select, update

from connector.db.tables import (
    Classifier,
    Embedding,
    Event,
    Import,
    ModelVersion,
    TrainingRun,
)
from connector.db.types import utcnow
from connector.domain import (
    classifiers,
    examples,
    facts,
    imports,
    outbound,
    training,
    versions,
)
from models import backbone, split
from models.embed import Embedder
from models.heads import Head
from models.pretrained import key_of
from workers import classify, train, weights
from workers.backbones import KeptBackbones
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
COLOURS = ("blue", "green", "red")


@pytest.fixture
def rt(rt: Runtime, tmp_path: Path) -> Runtime:
    """A runtime whose pretrained backbone is exported already: the one that sees mean colours."""
    file = tmp_path / "weights" / "mobilenet_v2.pth"
    file.parent.mkdir()
    file.write_bytes(b"never loaded, for its export is kept")
    rt.settings = rt.settings.model_copy(update={"weights": file})
    key = key_of(backbone.find(None, file), "sort")
    KeptBackbones(rt)[key] = colour_backbone()
    return rt


@pytest.fixture
def paints(rt: Runtime, alice: Any) -> Classifier:
    events = ["model.promoted", "model.rejected"]
    wanted = outbound.subscription(rt.settings, "https://93.184.216.34/hook", events)
    with rt.database.write() as session:
        made = classifiers.create_classifier(session, alice.workspace_id, name="paints")
        outbound.create_webhook(session, alice.workspace_id, wanted)
    return made


def add(rt: Runtime, classifier: Classifier, seeds: Sequence[int], shift: int = 0) -> None:
    """Give every label a picture per seed; with a shift the labels are wrong."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        for i, colour in enumerate(COLOURS):
            label = COLOURS[(i + shift) % len(COLOURS)]
            for seed in seeds:
                data = picture(colour, seed=seed)
                examples.add_example(session, rt.blobs, rt.settings, row, data, label, "", "test")


def request(rt: Runtime, classifier: Classifier) -> str:
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        return training.request_run(session, row).id


def shown(rt: Runtime, run_id: str) -> dict[str, Any]:
    with rt.database.read() as session:
        return training.resource(session.get_one(TrainingRun, run_id), "https://c.example")


def live_version(rt: Runtime, classifier: Classifier) -> int | None:
    with rt.database.read() as session:
        return session.get_one(Classifier, classifier.id).live_version


def trained(rt: Runtime, classifier: Classifier) -> dict[str, Any]:
    run_id = request(rt, classifier)
    assert train.step(rt) == 1
    return shown(rt, run_id)


def crash(rt: Runtime) -> None:
    """Let all leases run out, as when the worker was killed."""
    with rt.database.write() as session:
        for table in (TrainingRun, Import):
            session.execute(update(table).values(lease_until=utcnow()))


def test_examples_become_a_live_version_with_honest_scores(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(20))
    run = trained(rt, paints)
    assert (run["status"], run["error"], run["version"]) == ("done", None, 1)
    assert run["promoted"] is True
    assert live_version(rt, paints) == 1
    with rt.database.read() as session:
        version = session.scalars(select(ModelVersion)).one()
        hashes = {one.sha256 for one in training.training_set(session, paints.id).pictures}
        event = session.scalars(select(Event)).one()
        stored = session.scalar(
            select(func.count(Embedding.sha256)).where(Embedding.backbone != "thumbnail")
        )
    assert version.metrics["count"] == sum(map(split.is_held_out, hashes))
    assert version.metrics["accuracy"] == 1.0
    assert (event.type, event.payload["number"]) == ("model.promoted", 1)
    assert stored == 60
    head = Head.from_bytes(rt.blobs.read(version.head_sha256))
    assert head.labels == tuple(version.labels)
    assert Embedder(rt.blobs.read(version.backbone_sha256)).dim == 3
    assert rt.blobs.exists(version.portable_sha256)
    assert set(version.thresholds) == set(COLOURS)
    assert train.step(rt) == 0


@SQLITE
def test_the_trained_version_answers_pictures(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    with rt.database.read() as session:
        row = session.get_one(Classifier, paints.id)
        version = versions.live(session, row)
        assert version is not None
        session.expunge(version)
    data = rt.blobs.put(picture("green", seed=999))
    task = classify.Task("pred_x", data, version, None)
    [answer], failures, _ = classify.classify(rt, [task])
    assert failures == []
    assert max(answer.probabilities, key=lambda name: answer.probabilities[name]) == "green"


@SQLITE
def test_embeddings_are_made_once(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(6))
    trained(rt, paints)
    add(rt, paints, range(6, 8))
    embedded: list[int] = []
    original = Embedder.embed

    def counting(self: Embedder, pictures: Any) -> Any:
        embedded.append(len(pictures))
        return original(self, pictures)

    monkeypatch.setattr(Embedder, "embed", counting)
    run = trained(rt, paints)
    assert run["status"] == "done"
    # Six new pictures, and the few that the exported file is checked with.
    assert sum(embedded) < 18


def test_a_worse_model_is_kept_but_not_served(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(30))
    trained(rt, paints)
    # Most labels are wrong now, but those of the held-out pictures are right: on them it loses.
    with rt.database.write() as session:
        row = session.get_one(Classifier, paints.id)
        for i, colour in enumerate(COLOURS):
            for seed in range(30):
                data = picture(colour, seed=seed)
                if not split.is_held_out(rt.blobs.put(data)):
                    wrong = COLOURS[(i + 1) % 3]
                    examples.add_example(
                        session, rt.blobs, rt.settings, row, data, wrong, "", "test"
                    )
    run = trained(rt, paints)
    assert (run["status"], run["version"], run["promoted"]) == ("done", 2, False)
    assert "stays live" in run["message"]
    assert live_version(rt, paints) == 1
    with rt.database.read() as session:
        types = list(session.scalars(select(Event.type).order_by(Event.created_at)))
    assert types == ["model.promoted", "model.rejected"]


@SQLITE
def test_a_live_version_that_cannot_be_read_is_replaced(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(12))
    trained(rt, paints)
    with rt.database.write() as session:
        version = session.scalars(select(ModelVersion)).one()
        version.head_sha256 = rt.blobs.put(b"no head any more")
    run = trained(rt, paints)
    assert run["promoted"] is True
    assert live_version(rt, paints) == 2


@SQLITE
def test_pictures_that_the_live_model_learned_from_do_not_judge(
    rt: Runtime, paints: Classifier
) -> None:
    # With three pictures a label all of them train, whatever their hash says.
    add(rt, paints, range(3))
    trained(rt, paints)
    with rt.database.read() as session:
        card = session.scalars(select(ModelVersion.card)).one()
        hashes = {one.sha256 for one in training.training_set(session, paints.id).pictures}
    assert set(card["learned_although_held_out"]) == set(filter(split.is_held_out, hashes))


@SQLITE
def test_too_few_readable_pictures_fail_with_a_sentence(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(2))
    run_id = request(rt, paints)
    with rt.database.read() as session:
        chosen = training.training_set(session, paints.id)
    for one in chosen.pictures[:4]:
        rt.blobs.delete(one.sha256)
    train.step(rt)
    run = shown(rt, run_id)
    assert run["status"] == "failed"
    assert run["error"]["code"] == "not_enough_examples"


@SQLITE
def test_a_bad_setting_fails_the_run_and_names_itself(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(2))
    rt.settings = rt.settings.model_copy(update={"backbone": "alexnet_9000", "weights": None})
    run = trained(rt, paints)
    assert run["error"]["code"] == "unknown_backbone"
    assert "COLABEL_BACKBONE" in run["error"]["detail"]


@SQLITE
def test_an_unexpected_error_is_told_and_does_not_stop_the_queue(
    rt: Runtime, paints: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(rt, paints, range(6))

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_model", broken)
        run = trained(rt, paints)
    assert run["error"]["code"] == "unexpected"
    assert "out of luck" in run["error"]["detail"]
    assert trained(rt, paints)["status"] == "done"


def interrupted(at: str, action: Callable[[], None]) -> Callable[..., Any]:
    """Return a progress reporter that does something when a step is reached, then goes on."""
    original = train._Reporter.__call__

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
        patch.setattr(train._Reporter, "__call__", interrupted("scoring", steal))
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
        patch.setattr(train._Reporter, "__call__", interrupted("embedding", rt.stopping.set))
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
    original = train.verdict
    judged: list[int | None] = []

    def judge(rt_: Runtime, sessions: Any, candidate: Any, live: ModelVersion | None) -> Any:
        decision = original(rt_, sessions, candidate, live)
        judged.append(live.number if live else None)
        if len(judged) == 1:
            with rt.database.write() as session:
                row = session.get_one(Classifier, paints.id)
                versions.promote(session, rt.settings, row, 1)
        return decision

    monkeypatch.setattr(train, "verdict", judge)
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


def queue_import(rt: Runtime, classifier: Classifier, archive: io.BytesIO) -> str:
    archive.seek(0)
    return imports.create_import(
        rt.database, rt.blobs, classifier.workspace_id, classifier.id, archive
    ).id


def test_imports_come_before_training(rt: Runtime, paints: Classifier) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for colour in COLOURS:
            for seed in range(100, 104):
                archive.writestr(f"{colour}/{seed}.png", picture(colour, seed=seed))
    add(rt, paints, range(2))
    run_id = request(rt, paints)
    import_id = queue_import(rt, paints, stream)
    assert train.step(rt) == 1
    with rt.database.read() as session:
        assert session.get_one(Import, import_id).status == "done"
    assert shown(rt, run_id)["status"] == "queued"
    assert train.step(rt) == 1
    with rt.database.read() as session:
        assert session.scalar(select(func.count(Embedding.sha256))) == 18


@SQLITE
def test_a_bad_archive_fails_with_its_sentence(rt: Runtime, paints: Classifier) -> None:
    import_id = queue_import(rt, paints, io.BytesIO(b"PK\x03\x04 broken"))
    assert train.step(rt) == 1
    with rt.database.read() as session:
        found = session.get_one(Import, import_id)
        assert (found.status, found.error_code) == ("failed", "not_a_zip")


@SQLITE
def test_exported_backbones_are_kept_until_their_bytes_are_gone(rt: Runtime) -> None:
    kept = KeptBackbones(rt)
    kept["net-1"] = b"first"
    kept["net_2"] = b"second"
    assert kept["net-1"] == b"first"
    assert {"net-1", "net_2"} <= set(kept)
    assert len(kept) == 3
    del kept["net_2"]
    assert "net_2" not in kept
    rt.blobs.delete(rt.blobs.put(b"first"))
    assert "net-1" not in kept


@SQLITE
def test_without_weights_a_small_network_is_trained_and_everybody_is_told(
    rt: Runtime, paints: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    # Nothing listens there: as on a machine without internet, only sooner.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("models.scratch._STEPS", 20)
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


@SQLITE
def test_the_weights_are_looked_for_when_the_worker_starts(rt: Runtime) -> None:
    weights.check_in_background(rt).join(60)
    with rt.database.read() as session:
        found = facts.get(session, facts.WEIGHTS)
    assert found is not None
    assert found["available"] is True
    assert "mobilenet_v2" in found["sentence"]
