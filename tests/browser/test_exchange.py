"""Pictures out and in again, and the sample: as somebody does it who has just arrived."""

from __future__ import annotations

import zipfile
from pathlib import Path

from browsing import PHONE, violations
from playwright.sync_api import Page, expect
from sites import Opener, Site
from sorted_pictures import picture

# The sample is drawn, learned and answered by real workers, on whatever machine this is.
PATIENCE = 120_000


def download(page: Page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export", exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_pictures_go_out_in_folders_and_labels_come_in(
    open_as: Opener, site: Site, tmp_path: Path
) -> None:
    page = open_as("Bob", f"/classifiers/{site.stage.classifiers['training']}/pictures")
    page.get_by_role("link", name="Export or import").click()
    assert violations(page) == []
    with zipfile.ZipFile(download(page, tmp_path)) as archive:
        assert archive.testzip() is None
        folders = [name.partition("/")[0] for name in archive.namelist()]
        assert sorted(set(folders)) == ["bolt", "nut", "washer"]
        assert len(folders) == 12
    (tmp_path / "labels.csv").write_text("file,label\nnew.png,nut\naway.png,nut\n")
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("any/new.png", picture(4))
    page.get_by_label("File with the labels").set_input_files(tmp_path / "labels.csv")
    page.get_by_label("Zip of pictures").set_input_files(tmp_path / "pictures.zip")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("away.png", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("1 added, 0 known already, 1 skipped")).to_be_visible()


def test_a_sample_is_begun_by_one_click_and_gone_by_another(open_as: Opener, site: Site) -> None:
    page = open_as("Charlie", "/")
    page.get_by_role("button", name="Play with a sample").click()
    expect(page.get_by_role("heading", name="The sample is being made")).to_be_visible()
    assert violations(page) == []
    expect(page.get_by_role("heading", name="The sample is ready")).to_be_visible(timeout=PATIENCE)
    assert violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert violations(page) == []
    page.get_by_role("link", name="Label them").click()
    expect(page.get_by_role("checkbox")).to_have_count(12)
    page.go_back()
    page.get_by_role("button", name="Delete the sample").click()
    expect(page.get_by_text("The sample is gone.")).to_be_visible()
    expect(page.get_by_role("button", name="Play with a sample")).to_be_visible()
