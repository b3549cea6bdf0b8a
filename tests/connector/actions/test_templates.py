"""Templates: what a stranger's label or file name can do to a path, which is nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.actions.templates import (
    check_template,
    fill_text,
    numbered,
    render_folder,
    render_name,
    safe_part,
)
from connector.errors import BadRequest

PREDICTION = {
    "id": "pred_1",
    "label": "invoice",
    "confidence": 0.9731,
    "classifier_name": "Papers",
    "name": "Größe & 大きさ (1).JPG",
    "external_id": None,
    "media_type": "image/jpeg",
    "created_at": datetime(2026, 10, 3, 23, 30, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("{label}", ["invoice"]),
        ("{classifier}/{date:%Y/%m}/{label}", ["Papers", "2026", "10", "invoice"]),
        ("{date}", ["2026-10-03"]),
        ("a//b/", ["a", "b"]),
        ("{confidence}-{confidence:.0%}", ["0.97-97%"]),
        ("{external_id}/{{x}}", ["_", "{x}"]),
        ("{label}/.hidden", ["invoice", "_hidden"]),
    ],
)
def test_folders(template, parts):
    check_template(template)
    assert render_folder(template, PREDICTION) == parts


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "Größe & 大きさ (1).JPG"),
        ("{id}", "pred_1.JPG"),
        ("{stem}-{id}.{ext}", "Größe & 大きさ (1)-pred_1.JPG"),
        ("{label}.jpg", "invoice.jpg"),
    ],
)
def test_names(template, name):
    check_template(template, one_part=True)
    assert render_name(template, PREDICTION) == name


@pytest.mark.parametrize("name", [None, "", "..", " . "])
def test_a_picture_without_a_name_is_called_by_its_id(name):
    assert render_name("{name}", {**PREDICTION, "name": name}) == "pred_1.jpg"


@pytest.mark.parametrize(
    "template",
    [
        "",
        " ",
        "..",
        "a/../b",
        "~/a",
        "a\\b",
        "{",
        "{label",
        "{nope}",
        "{label.x}",
        "{0}",
        "{}",
        "{label[0]}",
        "{label!r}",
        "{label:>9}",
        "{date:%c}",
        "{date:{label}}",
        "{confidence:9d}",
        "a\x00b",
        "x" * 501,
        "./a",
    ],
)
def test_templates_that_mean_nothing_are_refused(template):
    with pytest.raises(BadRequest, match=r".*[a-z]"):
        check_template(template)


def test_a_file_name_names_no_folder():
    for template in ("a/{name}", "{date:%Y/%m}"):
        with pytest.raises(BadRequest, match="must not contain /"):
            check_template(template, one_part=True)


@given(st.text(max_size=300))
def test_any_text_makes_one_harmless_part(text):
    part = safe_part(text)
    assert len(PurePosixPath(part).parts) == 1
    assert part not in (".", "..")
    assert not part.startswith(".")
    assert part == part.strip().rstrip(".")
    assert 0 < len(part.encode()) <= 230
    assert part.isprintable() or not any(ord(mark) < 32 for mark in part)
    assert safe_part(part) == part


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_label_or_name_adds_a_level(label, name):
    prediction = {**PREDICTION, "label": label, "name": name}
    assert len(render_folder("a/{label}-{name}/{label}", prediction)) == 3
    assert "/" not in render_name("{label}{name}", prediction)


@pytest.mark.parametrize("name", ["CON", "con.jpg", "Aux.tar", "LPT1", "nul .txt", "COM¹"])
def test_names_that_windows_keeps_for_itself_are_marked(name):
    assert safe_part(name).startswith("_")


def test_a_long_name_keeps_its_extension_and_whole_characters():
    part = safe_part("大" * 200 + ".jpeg")
    assert part.endswith("大.jpeg")
    assert len(part.encode()) <= 230


def test_numbers_go_before_the_extension():
    assert numbered("a.jpg", 2) == "a (2).jpg"
    assert numbered("archive", 3) == "archive (3)"


def test_text_is_filled_in_as_it_is():
    assert fill_text("{label}/{name} {{!}}", {**PREDICTION, "label": "a/b"}) == (
        "a/b/Größe & 大きさ (1).JPG {!}"
    )
