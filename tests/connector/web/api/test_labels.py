"""Labels over HTTP: added, renamed, merged, removed, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Caller
from colours import picture

ROOT = "/api/v1/classifiers"
COPY = {"kind": "copy", "params": {"folder": "kept/{label}"}}


class Job:
    """Alice's sorting job, as she and others call it."""

    def __init__(self, caller: Caller, **wanted: Any) -> None:
        made = caller.post(ROOT, json={"name": "Insects", **wanted}).json or {}
        self.path = f"{ROOT}/{made['id']}"
        self.caller = caller

    def labels(self) -> dict[str, dict[str, Any]]:
        listed = self.caller.get(f"{self.path}/labels").json or {}
        return {one["name"]: one for one in listed["items"]}

    def url(self, name: str) -> str:
        return f"{self.path}/labels/{self.labels()[name]['id']}"

    def give(self, label: str, *seeds: int) -> None:
        for seed in seeds:
            data = picture("red", seed=seed)
            response = self.caller.post(f"{self.path}/examples?label={label}", data=data)
            assert response.status_code == 201

    def counts(self) -> dict[str, int]:
        shown = self.caller.get(self.path).json or {}
        return {one["name"]: one["examples"] for one in shown["labels"]}


@pytest.fixture
def insects(as_alice: Caller) -> Job:
    job = Job(as_alice, labels=["ant", "bee"])
    job.give("ant", 1, 2)
    job.give("bee", 3)
    return job


def test_labels_are_listed_added_renamed_and_put_in_order(
    insects: Job, as_alice: Caller, as_bob: Caller
) -> None:
    added = as_alice.post(f"{insects.path}/labels", json={"name": " wasp "})
    assert added.status_code == 201
    assert added.json == insects.labels()["wasp"]
    ant = insects.url("ant")
    renamed = as_bob("PATCH", ant, json={"name": "emmet", "position": 2}).json or {}
    assert (renamed["name"], renamed["position"], renamed["examples"]) == ("emmet", 2, 2)
    assert [(one["name"], one["position"]) for one in insects.labels().values()] == [
        ("bee", 0),
        ("wasp", 1),
        ("emmet", 2),
    ]
    assert as_alice("PATCH", ant, json={}).json == renamed
    listed = (as_alice.get(f"{insects.path}/examples?label=emmet").json or {})["items"]
    assert [one["label"] for one in listed] == ["emmet", "emmet"]


def test_a_taken_name_is_a_conflict_that_says_to_merge(insects: Job, as_alice: Caller) -> None:
    for response in (
        as_alice.post(f"{insects.path}/labels", json={"name": "bee"}),
        as_alice("PATCH", insects.url("ant"), json={"name": "bee", "position": 1}),
    ):
        said = response.json or {}
        assert (response.status_code, said["code"]) == (409, "label_name_taken")
        assert "merge" in said["detail"]
    assert list(insects.labels()) == ["ant", "bee"]


def test_two_labels_become_one_with_rules_and_examples(insects: Job, as_alice: Caller) -> None:
    rule = {"label": "ant", "actions": [COPY]}
    made = as_alice.post(f"{insects.path}/rules", json=rule).json or {}
    bee = insects.labels()["bee"]
    merged = as_alice.post(f"{insects.url('ant')}/merge", json={"into": bee["id"]})
    assert merged.json == {**bee, "position": 0, "examples": 3}
    assert insects.counts() == {"bee": 3}
    shown = as_alice.get(f"{insects.path}/rules/{made['id']}").json or {}
    assert (shown["label"], shown["version"]) == ("bee", 2)
    again = as_alice.post(f"{insects.url('bee')}/merge", json={"into": bee["id"]})
    assert (again.status_code, (again.json or {})["code"]) == (422, "same_label")


def test_a_label_with_examples_is_removed_only_on_purpose(insects: Job, as_alice: Caller) -> None:
    ant, bee = insects.url("ant"), insects.url("bee")
    refused = as_alice("DELETE", ant)
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "label_has_examples")
    assert (refused.json or {})["examples"] == 2
    assert as_alice("DELETE", f"{ant}?examples=shred").status_code == 422
    assert as_alice("DELETE", f"{ant}?examples=unlabel").status_code == 204
    assert as_alice("DELETE", ant).status_code == 404
    assert (as_alice.get(insects.path).json or {})["unlabelled"] == 2
    assert as_alice("DELETE", f"{bee}?examples=delete").status_code == 204
    listed = (as_alice.get(f"{insects.path}/examples").json or {})["items"]
    assert [one["label"] for one in listed] == [None, None]
    assert insects.labels() == {}


def test_fixed_labels_stay(as_alice: Caller) -> None:
    job = Job(as_alice, recipe="yes_no")
    yes, no = job.url("yes"), job.labels()["no"]["id"]
    for response in (
        as_alice.post(f"{job.path}/labels", json={"name": "maybe"}),
        as_alice("PATCH", yes, json={"name": "maybe"}),
        as_alice.post(f"{yes}/merge", json={"into": no}),
        as_alice("DELETE", yes),
    ):
        said = response.json or {}
        assert (response.status_code, said["code"]) == (409, "fixed_labels")
        assert "yes, no" in said["detail"]
    assert list(job.labels()) == ["yes", "no"]


def test_charlie_finds_no_labels_of_alices(insects: Job, as_charlie: Caller) -> None:
    ant, bee = insects.url("ant"), insects.labels()["bee"]["id"]
    his = Job(as_charlie, labels=["x"])
    for path in (ant, f"{his.path}/labels/{ant.rpartition('/')[2]}"):
        assert as_charlie("PATCH", path, json={"name": "mine"}).status_code == 404
        assert as_charlie.post(f"{path}/merge", json={"into": bee}).status_code == 404
        assert as_charlie("DELETE", f"{path}?examples=delete").status_code == 404
    assert as_charlie.get(f"{insects.path}/labels").status_code == 404
    assert as_charlie.post(f"{insects.path}/labels", json={"name": "mine"}).status_code == 404
    mine = his.url("x")
    assert as_charlie.post(f"{mine}/merge", json={"into": bee}).status_code == 404
    assert insects.counts() == {"ant": 2, "bee": 1}


@pytest.mark.parametrize(
    "wanted", [{"name": ""}, {"name": "a\u200b"}, {"colour": 1}, {"position": -1}]
)
def test_bad_values_are_refused(insects: Job, as_alice: Caller, wanted: dict[str, Any]) -> None:
    response = as_alice("PATCH", insects.url("ant"), json=wanted)
    assert response.status_code == 422
    assert list(insects.labels()) == ["ant", "bee"]
