"""The train job: from examples to a live version, or to a sentence that says why not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from colours import picture
from paints import COLOURS, add, live_version, request, shown, trained
from sqlalchemy import func, select

from connector.db.tables import Classifier, Embedding, Event, ModelVersion
from connector.domain import classifiers, examples, training, versions
from models import split
from models.embed import Embedder
from models.heads import Head
from models.views import MIRROR, kept_as
from workers import classify, train
from workers.judging import record_of
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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
    # What is left to do is to see which thresholds keep what was promised.
    assert (train.step(rt), train.step(rt)) == (1, 0)


@SQLITE
def test_the_trained_version_answers_pictures(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    with rt.database.read() as session:
        row = session.get_one(Classifier, paints.id)
        version = versions.live(session, row)
        assert version is not None
        session.expunge_all()
    data = rt.blobs.put(picture("green", seed=999))
    task = classify.Task("pred_x", data, version, row)
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
    # Six new pictures, one mirror image each, and the few that the exported file is checked with.
    assert sum(embedded) < 18 + 24
    embedded.clear()
    add(rt, paints, range(8, 9))
    assert trained(rt, paints)["status"] == "done"
    assert sum(embedded) < 18


@SQLITE
def test_mirror_images_are_learned_from_the_second_training_on(
    rt: Runtime, paints: Classifier
) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    add(rt, paints, range(20, 21))
    trained(rt, paints)
    add(rt, paints, range(21, 22))
    trained(rt, paints)
    with rt.database.read() as session:
        rows = session.scalars(select(ModelVersion).order_by(ModelVersion.number)).all()
        named = kept_as(rows[0].backbone_sha256, MIRROR)
        kept = set(session.scalars(select(Embedding.sha256).where(Embedding.backbone == named)))
        hashes = {one.sha256 for one in training.training_set(session, paints.id).pictures}
    # A patch of colour is the same in a mirror.
    assert [row.card["mirrored"] for row in rows] == [None, True, True]
    assert kept == {sha for sha in hashes if not split.is_held_out(sha)}
    with rt.database.write() as session:
        row = session.get_one(Classifier, paints.id)
        classifiers.update_classifier(session, row, sides_matter=True)
    add(rt, paints, range(22, 23))
    trained(rt, paints)
    with rt.database.read() as session:
        last = select(ModelVersion).order_by(ModelVersion.number.desc())
        newest = session.scalars(last).first()
    assert newest is not None
    assert newest.card["mirrored"] is None


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
        version = session.scalars(select(ModelVersion)).one()
        hashes = {one.sha256 for one in training.training_set(session, paints.id).pictures}
        session.expunge(version)
    assert any(map(split.is_held_out, hashes))
    record = record_of(rt, version)
    assert set(record.trained_on) == hashes
    add(rt, paints, range(3, 30))
    asked = trained(rt, paints)
    assert asked["promoted"] is True
    # Of the pictures that are held out now, the three a label of before tell nothing.
    fair = re.search(r"same (\d+) held-out pictures", asked["message"])
    assert fair is not None
    assert int(fair[1]) <= asked["metrics"]["count"] - sum(map(split.is_held_out, hashes))


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
