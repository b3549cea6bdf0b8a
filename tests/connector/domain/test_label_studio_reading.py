"""What Label Studio exports, in each of its forms, read as lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.domain import exchange_tables, label_studio_reading
from connector.domain.exchange_lines import Line, path_of
from connector.errors import Unprocessable


def choice(*labels: str, name: str = "label") -> dict[str, Any]:
    return {
        "from_name": name,
        "to_name": "image",
        "type": "choices",
        "value": {"choices": list(labels)},
    }


def said(*labels: str, **more: Any) -> dict[str, Any]:
    result = [choice(*labels)] if labels else []
    return {"id": 9, "result": result, "was_cancelled": False, "completed_by": 3, **more}


def task(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"image": "/data/upload/1/0a1b2c3d-cat.jpg"}
    return {"id": 17, "data": data, "annotations": list(annotations), "predictions": [], **more}


def read(*tasks: Any, control: str = "") -> list[Line]:
    return label_studio_reading.read(json.dumps(tasks).encode(), control)


def test_a_task_with_one_annotation() -> None:
    [line] = read(task(said("cat", completed_by={"id": 3, "email": "ann@example.com"})))
    assert (line.label, line.by, line.problem, line.note) == ("cat", "ann@example.com", None, None)
    assert line.names == ("0a1b2c3d-cat.jpg", "cat.jpg")
    assert line.shown == "task 17: 0a1b2c3d-cat.jpg"


@pytest.mark.parametrize(
    "annotations",
    [(), (said("cat", was_cancelled=True),), (said(),)],
    ids=["none", "skipped", "sent without an answer"],
)
def test_without_an_answer_it_waits_for_a_label(annotations: tuple[dict[str, Any], ...]) -> None:
    [line] = read(task(*annotations))
    assert (line.label, line.problem) == (None, None)


def at(label: str, second: int, **more: Any) -> dict[str, Any]:
    return said(label, updated_at=f"2026-03-09T22:16:{second:02}.5Z", **more)


@pytest.mark.parametrize(
    ("annotations", "label", "why"),
    [
        ((at("cat", 1), at("dog", 9), at("cat", 2)), "cat", "most of them said"),
        ((at("cat", 1), at("dog", 9)), "dog", "was said last"),
        ((at("cat", 9), at("dog", 1)), "cat", "was said last"),
        ((at("cat", 1), at("dog", 9, was_cancelled=True)), "cat", None),
        ((at("cat", 1, ground_truth=True), at("dog", 2), at("dog", 3)), "cat", None),
        ((at("cat", 1), at("cat", 2)), "cat", None),
    ],
)
def test_annotators_who_disagree(
    annotations: tuple[dict[str, Any], ...], label: str, why: str | None
) -> None:
    [line] = read(task(*annotations))
    assert line.label == label
    if why is None:
        assert line.note is None
    else:
        assert line.note is not None
        assert line.note[0] == "annotators_disagree"
        assert why in line.note[1]


def test_what_is_no_single_choice_is_a_problem() -> None:
    box = {"from_name": "box", "type": "rectanglelabels", "value": {"rectanglelabels": ["cat"]}}
    lines = read(
        task(said("cat", "dog")), task(said(result=[box])), {"id": 3, "data": {"text": "a"}}
    )
    assert [line.problem and line.problem[0] for line in lines] == [
        "several_labels",
        "no_choice",
        "no_picture_named",
    ]


def test_of_several_choices_one_is_to_be_named() -> None:
    both = said(result=[choice("cat", name="animal"), choice("red", name="colour")])
    with pytest.raises(Unprocessable, match="animal, colour") as caught:
        read(task(both))
    assert caught.value.code == "which_control"
    assert read(task(both), control="colour")[0].label == "red"


def minimal(label: Any, identity: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "image": "https://example.com/pictures/cat%201.jpg?x=1",
        "id": identity,
        "choice": label,
        "annotator": 2,
        "annotation_id": 5,
        "created_at": "2026-03-09T22:16:08.5Z",
        "updated_at": "2026-03-09T22:16:08.5Z",
        "lead_time": 4.3,
        **more,
    }


@pytest.mark.parametrize("label", ["cat", {"choices": ["cat"]}, [{"choices": ["cat"]}]])
def test_json_min(label: Any) -> None:
    [line] = read(minimal(label))
    assert (line.label, line.by, line.names) == ("cat", "annotator 2", ("cat 1.jpg",))


def test_json_min_has_a_record_for_each_annotator() -> None:
    later: Any = {"updated_at": "2026-04-01T00:00:00Z"}
    lines = read(
        minimal("cat"), minimal("dog", **later), minimal("dog", 2), {"image": "/x.jpg", "id": 3}
    )
    assert [line.label for line in lines] == ["dog", "dog", None]
    assert lines[0].note is not None


def test_json_min_with_a_control_of_any_name() -> None:
    record = minimal("x")
    del record["choice"]
    assert read({**record, "what_is_it": "owl"})[0].label == "owl"
    with pytest.raises(Unprocessable, match="mood, what"):
        read({**record, "what": "owl", "mood": "glad"})
    assert read({**record, "what": "owl", "mood": "glad"}, control="mood")[0].label == "glad"


@pytest.mark.parametrize(
    "data", [b"[1, 2]", b'[{"id": 1', b"\xff\xfe[", b'"cat"', b"[" * 100_000 + b"{"]
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        label_studio_reading.read(data)
    assert caught.value.code == "bad_label_studio"


def test_a_deeply_wrapped_task_is_refused_and_not_followed() -> None:
    deep = b'{"data": ' + b'{"a": ' * 20_000 + b"1" + b"}" * 20_001
    with pytest.raises(Unprocessable):
        label_studio_reading.read(b"[" + deep + b"]")
    wrapped: Any = "cat"
    for _ in range(300):
        wrapped = [wrapped]
    assert read(task(said(result=[{**choice(), "value": {"choices": wrapped}}])))[0].label is None


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("/data/local-files/?d=farm/red%20barn.jpg", "farm/red barn.jpg"),
        ("https://example.com/a/b%C3%BC.jpg?sig=1", "a/bü.jpg"),
        ("s3://bucket/k/x.jpg", "k/x.jpg"),
        ("C:\\pictures\\x.jpg", "C:/pictures/x.jpg"),
        ("what?.jpg", "what"),
    ],
)
def test_paths_of_pictures(image: str, path: str) -> None:
    assert path_of(image) == path


def test_a_table_names_files_hashes_or_addresses() -> None:
    table = (
        "label;File;SHA256;labelled_by\nant;1.png;;Dana\n;2.png;" + "A" * 64 + ";\nant;1.png;;\n"
    )
    lines = exchange_tables.read(table.encode())
    assert [(one.shown, one.label, one.by) for one in lines] == [
        ("1.png", "ant", "Dana"),
        ("2.png", None, None),
        ("1.png (2)", "ant", None),
    ]
    assert lines[1].sha256 == "a" * 64
    [line] = exchange_tables.read(b"url,category\nhttps://example.com/x.jpg,bee\n")
    assert (line.image, line.names, line.label) == ("https://example.com/x.jpg", ("x.jpg",), "bee")


@pytest.mark.parametrize("table", ["", "a,b\n1,2\n", "file,size\n1.png,3\n", "label\nant\n"])
def test_a_table_without_what_it_needs_is_refused(table: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        exchange_tables.read(table.encode())
    assert caught.value.code == "bad_table"
