"""A heap to be labelled, over HTTP: kept without labels, found, labelled one by one or in bulk."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Caller
from colours import picture

ROOT = "/api/v1/classifiers"


@pytest.fixture
def path(as_alice: Caller) -> str:
    """Alice's sorting job."""
    made = as_alice.post(ROOT, json={"name": "Insects", "labels": ["ant", "bee"]}).json or {}
    return f"{ROOT}/{made['id']}"


def add(caller: Caller, path: str, seed: int, label: str | None = None) -> dict[str, Any]:
    query = "" if label is None else f"?label={label}"
    response = caller.post(
        f"{path}/examples{query}", data=picture("red", seed=seed), content_type="image/png"
    )
    assert response.status_code in (200, 201), response.text
    shown: dict[str, Any] = response.json or {}
    assert (response.status_code == 201) == (shown["outcome"] == "added")
    return shown


def listed(caller: Caller, path: str, query: str) -> set[str]:
    return {one["id"] for one in (caller.get(f"{path}/examples?{query}").json or {})["items"]}


def test_a_picture_without_a_label_is_kept_and_gets_one_later(as_alice: Caller, path: str) -> None:
    heap = [add(as_alice, path, seed) for seed in range(3)]
    assert {(one["label"], one["labelled_at"], one["contradiction"]) for one in heap} == {
        (None, None, None)
    }
    ids = [one["id"] for one in heap]
    assert (as_alice.get(path).json or {})["unlabelled"] == 3
    assert listed(as_alice, path, "labelled=false") == set(ids)

    changed = as_alice("PATCH", f"{path}/examples/{ids[0]}", json={"label": "ant"}).json or {}
    assert (changed["label"], changed["labelled_at"] is None) == ("ant", False)
    assert (add(as_alice, path, 1, "bee")["outcome"]) == "labelled"
    again = add(as_alice, path, 1)
    assert (again["outcome"], again["label"]) == ("duplicate", "bee")
    assert listed(as_alice, path, "labelled=false") == {ids[2]}
    assert listed(as_alice, path, "labelled=true") == set(ids[:2])
    assert listed(as_alice, path, "label=bee") == {ids[1]}
    assert listed(as_alice, path, "origin=api") == set(ids)
    assert listed(as_alice, path, "origin=import") == set()

    back = as_alice("PATCH", f"{path}/examples/{ids[0]}", json={"label": None}).json or {}
    assert (back["label"], back["labelled_at"]) == (None, None)
    shown = as_alice.get(path).json or {}
    assert shown["unlabelled"] == 2
    assert {one["name"]: one["examples"] for one in shown["labels"]} == {"ant": 0, "bee": 1}


def test_many_are_labelled_at_once_or_none(as_alice: Caller, as_bob: Caller, path: str) -> None:
    ids = [add(as_alice, path, seed)["id"] for seed in range(3)]
    wanted = {"example_ids": ids[:2], "label": "wasp"}
    assert as_bob.post(f"{path}/examples/label", json=wanted).json == {
        "label": "wasp",
        "changed": 2,
    }
    wanted = {"example_ids": ids, "label": "wasp"}
    assert (as_alice.post(f"{path}/examples/label", json=wanted).json or {})["changed"] == 1
    response = as_alice.post(
        f"{path}/examples/label", json={"example_ids": [*ids, "ex_none"], "label": "ant"}
    )
    assert (response.status_code, (response.json or {})["missing"]) == (404, ["ex_none"])
    assert listed(as_alice, path, "label=wasp") == set(ids)


@pytest.mark.parametrize(
    "wanted",
    [
        {"example_ids": [], "label": "ant"},
        {"example_ids": ["ex_1"]},
        {"example_ids": ["ex_1"], "label": ""},
        {"example_ids": ["ex_1"] * 1001, "label": "ant"},
        {"example_ids": "ex_1", "label": "ant"},
    ],
)
def test_bad_labellings_are_refused(as_alice: Caller, path: str, wanted: dict[str, Any]) -> None:
    assert as_alice.post(f"{path}/examples/label", json=wanted).status_code == 422


def test_a_label_has_to_be_said(as_alice: Caller, path: str) -> None:
    one = add(as_alice, path, 1, "ant")
    assert as_alice("PATCH", f"{path}/examples/{one['id']}", json={}).status_code == 422
    assert as_alice("PATCH", f"{path}/examples/ex_none", json={"label": None}).status_code == 404
    bad = as_alice.post(f"{path}/examples?label=%20", data=picture("red", seed=2))
    assert bad.status_code == 422
    assert listed(as_alice, path, "") == {one["id"]}


def test_the_same_picture_under_another_label_is_a_contradiction(
    as_alice: Caller, as_bob: Caller, path: str
) -> None:
    first = add(as_alice, path, 1, "ant")
    second = add(as_bob, path, 1, "bee")
    assert (second["outcome"], second["label"]) == ("relabelled", "bee")
    assert second["contradiction"] == {
        "kind": "same",
        "example_id": first["id"],
        "label": "ant",
        "sentence": "This same picture was labelled “ant” before; now it is “bee”.",
    }
    assert add(as_alice, path, 1, "bee")["contradiction"] is None


def test_charlie_labels_nothing_of_alices(as_alice: Caller, as_charlie: Caller, path: str) -> None:
    one = add(as_alice, path, 1, "ant")
    his = f"{ROOT}/{(as_charlie.post(ROOT, json={'name': 'His'}).json or {})['id']}"
    for where in (path, his):
        change = as_charlie("PATCH", f"{where}/examples/{one['id']}", json={"label": "mine"})
        assert change.status_code == 404
        wanted = {"example_ids": [one["id"]], "label": "mine"}
        assert as_charlie.post(f"{where}/examples/label", json=wanted).status_code == 404
    assert as_charlie.get(f"{path}/examples?labelled=false").status_code == 404
    assert listed(as_alice, path, "label=ant") == {one["id"]}
