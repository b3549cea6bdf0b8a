"""The checker finds what is not as it should be, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from connector.demo.check import Found, find, lies
from connector.demo.pages import KINDS, ORIENTATIONS, TURNS, Page, make_page
from connector.demo.report import Checked, lost, mistakes, result_table
from connector.demo.working import Case


def put(page: Page, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / page.name
    path.write_bytes(page.data)
    return path


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_it_tells_how_a_page_lies(tmp_path: Path, orientation: str) -> None:
    for kind in KINDS:
        for seed in range(3):
            page = make_page(f"{kind}{seed}", kind, orientation, str(seed))
            assert lies(put(page, tmp_path), page.upright) == orientation


def test_another_page_of_the_same_kind_is_not_taken_for_it(tmp_path: Path) -> None:
    for kind in KINDS:
        pages = [make_page(f"{kind}{seed}", kind, "upright", str(seed)) for seed in range(5)]
        for page in pages:
            path = put(page, tmp_path)
            assert [other.name for other in pages if lies(path, other.upright)] == [page.name]


def test_a_turn_by_tag_alone_counts_as_it_is_seen(tmp_path: Path) -> None:
    page = make_page("page", "letter", "upright", "1")
    path = tmp_path / "page.jpg"
    tags = Image.Exif()
    tags[0x0112] = 6
    turn = TURNS["left"]
    assert turn is not None
    page.upright.transpose(turn).save(path, exif=tags)
    assert lies(path, page.upright) == "upright"
    tags[0x0112] = 1
    page.upright.transpose(turn).save(path, exif=tags)
    assert lies(path, page.upright) == "left"


def test_a_page_is_found_by_its_folder_and_missed_when_it_is_gone(tmp_path: Path) -> None:
    page = make_page("page", "form", "upright", "1")
    assert find(page, tmp_path) == Found(None, None)
    put(page, tmp_path / "letter")
    assert find(page, tmp_path) == Found("letter", "upright")
    put(page, tmp_path / "form")
    assert find(page, tmp_path) == Found(None, None)


def case(page: Page, decided_by: str = "model") -> Case:
    def answer(label: str) -> dict[str, object]:
        return {"label": label, "confidence": 0.9, "decided_by": decided_by, "actions": []}

    return Case(page, answer("upright"), answer(page.kind))


def test_the_report_counts_each_mistake_and_names_what_is_lost() -> None:
    pages = [make_page(f"page-{i}", "letter", "left", str(i)) for i in range(4)]
    cases = [case(page, "person" if i == 0 else "model") for i, page in enumerate(pages)]
    found = [
        Found("letter", "upright"),
        Found("letter", "left"),
        Found("form", "upright"),
        Found(None, None),
    ]
    checked = [Checked(*pair) for pair in zip(cases, found, strict=True)]
    assert result_table(checked).splitlines()[-1].split() == ["all", "4", "4", "3", "1", "2", "2"]
    wrong = mistakes(checked)
    assert len(wrong) == 3
    assert "lies with its top to “left”" in wrong[0]
    assert "is in the folder form instead of letter" in wrong[1]
    assert lost(checked) == [pages[3].name]
