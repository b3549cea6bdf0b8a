"""Studies: rehearsals, what to label next, groups, versions compared."""

from __future__ import annotations

from typing import Any

import pytest
from colours import picture
from paints import add, crash, trained
from sqlalchemy import func, select

from connector.db.tables import Action, Classifier, Example, Review, Study
from connector.domain import classifiers, examples, predictions, promises, rules, studies
from connector.domain.predictions import SourceRef, Submission
from connector.domain.waiting import waiting
from workers import classify, study
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def rt(trainable: Runtime) -> Runtime:
    """The runtime that can train."""
    return trainable


@pytest.fixture
def sorting(rt: Runtime, paints: Classifier) -> Classifier:
    """A trained classifier that has answered twelve pictures."""
    add(rt, paints, range(30))
    trained(rt, paints)
    with rt.database.write() as session:
        row = session.get_one(Classifier, paints.id)
        promises.set_promise(session, row, {"kind": "none"})
    for colour in ("red", "green", "blue"):
        send(rt, paints, colour, range(700, 704))
    return paints


def send(rt: Runtime, classifier: Classifier, colour: str, seeds: range) -> None:
    with rt.database.read() as session:
        api = classifiers.source(session, classifier, "api")
    source = SourceRef(api.id, api.workspace_id, api.classifier_id)
    for seed in seeds:
        submission = Submission(picture(colour, seed=seed), name=f"{colour}{seed}.png")
        predictions.submit(rt.database, rt.blobs, rt.settings, source=source, submission=submission)
    while classify.step(rt):
        pass


def asked(rt: Runtime, classifier: Classifier, kind: str, **params: Any) -> dict[str, Any]:
    """Ask for a study, have it answered, and return its resource."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        study_id = studies.request(session, row, kind, params).id
    with rt.database.read() as session:
        assert "study" in waiting(session)
    while study.step(rt):
        pass
    with rt.database.read() as session:
        return studies.resource(session.get_one(Study, study_id), "https://c.example")


def result(rt: Runtime, classifier: Classifier, kind: str, **params: Any) -> dict[str, Any]:
    shown = asked(rt, classifier, kind, **params)
    assert (shown["status"], shown["error"]) == ("done", None)
    found: dict[str, Any] = shown["result"]
    return found


def test_the_same_again_would_send_nothing_elsewhere(rt: Runtime, sorting: Classifier) -> None:
    found = result(rt, sorting, "rehearsal", days=30)
    assert found["pictures"] == 12
    assert found["before"] == found["after"] == {"red": 4, "green": 4, "blue": 4}
    assert (found["differ_count"], found["differ"]) == (0, [])


def test_a_stricter_threshold_lists_each_picture_that_would_have_been_asked_about(
    rt: Runtime, sorting: Classifier
) -> None:
    with rt.database.read() as session:
        reviews_before = session.scalar(select(func.count(Review.id)))
    found = result(rt, sorting, "rehearsal", days=30, threshold=1.0)
    assert found["after"] == {"a person is asked": 12}
    assert found["differ_count"] == 12
    assert {one["name"] for one in found["differ"]} == {
        f"{colour}{seed}.png" for colour in ("red", "green", "blue") for seed in range(700, 704)
    }
    with rt.database.read() as session:
        # Nothing happened to anything.
        assert session.scalar(select(func.count(Review.id))) == reviews_before
        row = session.get_one(Classifier, sorting.id)
        assert (row.promise["kind"], row.threshold) == ("none", None)


@SQLITE
@pytest.mark.parametrize("when", [{"labels": ["red"]}, {"labels": ["red"], "min_confidence": 0.1}])
def test_other_rules_are_shown_by_what_they_would_do(
    rt: Runtime, sorting: Classifier, when: dict[str, Any]
) -> None:
    wanted = [{"label": "red", "actions": [{"kind": "copy", "params": {"folder": "reds"}}]}]
    with rt.database.write() as session:
        row = session.get_one(Classifier, sorting.id)
        checked = rules.check_actions(rt.settings, wanted[0]["actions"])  # type: ignore[arg-type]
        kept = [{"when": when, "actions": rules.resolve_actions(session, row, checked)}]
    found = result(rt, sorting, "rehearsal", days=30, rules=kept)
    assert found["differ_count"] == 4
    assert all(one["after"] == "red" for one in found["differ"])
    assert all("reds" in one["actions"]["after"][0] for one in found["differ"])
    with rt.database.read() as session:
        assert session.scalar(select(func.count(Action.id))) == 0


@SQLITE
def test_a_promise_is_rehearsed_with_the_thresholds_that_keep_it(
    rt: Runtime, sorting: Classifier
) -> None:
    strict = result(rt, sorting, "rehearsal", days=30, promise={"kind": "error_rate", "rate": 0.01})
    assert strict["after"] == {"a person is asked": 12}
    loose = result(rt, sorting, "rehearsal", days=30, promise={"kind": "error_rate", "rate": 0.4})
    assert loose["after"] == {"red": 4, "green": 4, "blue": 4}


@SQLITE
def test_pictures_from_before_the_period_do_not_count(rt: Runtime, sorting: Classifier) -> None:
    assert result(rt, sorting, "rehearsal", days=1e-9)["pictures"] == 0


@SQLITE
def test_without_a_model_there_is_nothing_to_rehearse(rt: Runtime, paints: Classifier) -> None:
    shown = asked(rt, paints, "rehearsal", days=30)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "no_model")


def heap(rt: Runtime, classifier: Classifier, colour: str, seeds: range) -> None:
    """Keep pictures that wait for a label."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        for seed in seeds:
            data = picture(colour, seed=seed)
            examples.add_example(
                session, rt.blobs, rt.settings, row, data, None, f"{colour}{seed}", "test"
            )


def test_what_to_label_next_is_chosen_among_pictures_without_a_label(
    rt: Runtime, sorting: Classifier
) -> None:
    heap(rt, sorting, "grey", range(300, 306))
    found = result(rt, sorting, "label_next", count=5)
    assert len(found["pictures"]) == 5
    assert all(one["reason"].strip() for one in found["pictures"])
    with rt.database.read() as session:
        waiting_ids = set(session.scalars(select(Example.id).where(Example.label_id.is_(None))))
    assert {one["id"] for one in found["pictures"] if one["kind"] == "example"} <= waiting_ids
    # What the model cannot tell comes before what it answers with ease.
    assert "grey" in found["pictures"][0]["name"]


def test_a_heap_falls_into_groups_before_anything_is_labelled(
    rt: Runtime, paints: Classifier
) -> None:
    for colour in ("red", "blue"):
        heap(rt, paints, colour, range(40, 52))
    found = result(rt, paints, "groups", count=10)
    assert found["groups"]
    for group in found["groups"]:
        assert group["size"] == len(group["pictures"]) > 1
        colours = {one["name"].rstrip("0123456789") for one in group["pictures"]}
        assert len(colours) == 1, "a group of two colours"
        assert group["suggested_label"] is None


@SQLITE
def test_nothing_without_a_label_is_said_in_words(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(12))
    trained(rt, paints)
    for kind in ("label_next", "groups"):
        assert "has a label already" in result(rt, paints, kind, count=5)["sentence"]


def test_two_versions_are_compared_on_what_neither_learned(rt: Runtime, paints: Classifier) -> None:
    add(rt, paints, range(20))
    trained(rt, paints)
    add(rt, paints, range(20, 60))
    trained(rt, paints)
    found = result(rt, paints, "comparison", versions=[1, 2])
    assert found["versions"] == [1, 2]
    assert found["count"] > 5
    assert found["sentence"].endswith(".")


@SQLITE
def test_a_study_that_ends_its_worker_thrice_is_set_aside(rt: Runtime, paints: Classifier) -> None:
    with rt.database.write() as session:
        row = session.get_one(Classifier, paints.id)
        study_id = studies.request(session, row, "rehearsal", {"days": 1}).id
    for _ in range(3):
        with rt.database.write() as session:
            assert studies.claim(session, 60) is not None
        crash(rt)
    assert study.step(rt) == 0
    with rt.database.read() as session:
        assert session.get_one(Study, study_id).error_code == "quarantined"
