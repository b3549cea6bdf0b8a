"""The tab Pictures in the browser: a folder is added, its pictures labelled by keyboard, undone."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from browsing import DESKTOP, PHONE, sideways, violations, window
from colours import picture
from playwright.sync_api import Browser, Locator, Page, Route, expect
from sites import Opener, Site

from connector.ids import new_id

COLOURS = ("red", "green", "blue")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty pictures in three folders and one without, and a file that is no picture."""
    root = tmp_path / "colours"
    for number in range(30):
        colour = COLOURS[number % 3]
        place = root if number >= 27 else root / colour
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02}.png").write_bytes(picture(colour, seed=900 + number))
    (root / "red/notes.txt").write_bytes(b"hello")
    return root


@pytest.fixture
def made(site: Site) -> str:
    """A classifier of this test alone; return the address of its pictures."""
    name = {"name": new_id("heap")}
    answer = site.service.call("POST", "/api/v1/classifiers", name)
    # A training of another test's pictures would keep a zip waiting.
    here = f"/api/v1/classifiers/{answer['id']}"
    site.service.call("PATCH", here, {"auto_train": False})
    return f"/classifiers/{answer['id']}/pictures"


def tile(page: Page, number: int) -> Locator:
    return page.locator(".tile:not([hidden]) input").nth(number)


def label_of(page: Page, number: int) -> Locator:
    return page.locator(".tile:not([hidden]) .tile-label").nth(number)


def chip(page: Page, name: str) -> Locator:
    return page.locator("#kinds").get_by_role("link", name=re.compile(f"^{name}"))


def add(page: Page, folder: Path) -> None:
    """Choose a folder and have it added."""
    page.locator("#f-folder").set_input_files(folder)
    page.get_by_role("button", name=re.compile("^Add")).click()
    expect(page.get_by_role("heading", name="Done.")).to_be_visible()


def test_a_folder_is_added_and_sorted_by_keyboard(open_as: Opener, made: str, folder: Path) -> None:
    page = open_as("Alice", made)
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    page.get_by_role("link", name="Add pictures").click()
    page.locator("#f-folder").set_input_files(folder)
    expect(page.locator("[data-found]")).to_contain_text("31 files")
    expect(page.locator("[data-found]")).to_contain_text("red 10")
    assert violations(page) == []
    page.keyboard.press("Enter")  # the button that starts has the focus
    expect(page.locator("[data-sums]")).to_contain_text("30 pictures added.")
    expect(page.locator("[data-skipped]")).to_contain_text("1 file was skipped:")
    expect(page.locator("[data-skipped]")).to_contain_text("notes.txt This is not a picture")
    assert violations(page) == []
    page.get_by_role("link", name="Look at the pictures").click()

    expect(chip(page, "All")).to_contain_text("30")
    expect(chip(page, "colours")).to_contain_text("3")
    chip(page, "colours").click()
    names = page.locator("[data-key]").all_inner_texts()
    red = next(text.split()[0] for text in names if text.endswith("red"))
    # One by one: the arrow goes to the first, the key labels it and goes on.
    page.keyboard.press("ArrowRight")
    expect(tile(page, 0)).to_be_focused()
    page.keyboard.press(red)
    expect(page.locator("#said")).to_contain_text("1 picture is “red” now.")
    expect(page.locator(".tile:not([hidden])")).to_have_count(2)
    expect(tile(page, 0)).to_be_focused()
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Undone: 1 picture is as it was.")
    expect(page.locator(".tile:not([hidden])")).to_have_count(3)
    # All of them: chosen by Space and Shift with an arrow, labelled by a word that is new.
    tile(page, 0).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#chosen")).to_have_text("3 pictures chosen")
    page.get_by_label("Another label").fill("loose")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("3 pictures are “loose” now.")
    expect(chip(page, "loose")).to_contain_text("3")
    assert violations(page) == []


def test_many_are_chosen_by_mouse_and_labelled_at_once(
    open_as: Opener, made: str, folder: Path
) -> None:
    page = open_as("Alice", f"{made}/add")
    page.get_by_label("I will label them here").check()
    add(page, folder)
    page.get_by_role("link", name="Look at the pictures").click()
    box = page.locator(".tile-box")
    box.nth(2).click()
    expect(page.locator("#chosen")).to_have_text("1 picture chosen")
    box.nth(6).click(modifiers=["Shift"])
    expect(page.locator("#chosen")).to_have_text("5 pictures chosen")
    box.nth(4).click()
    expect(page.locator("#chosen")).to_have_text("4 pictures chosen")
    page.get_by_label("Another label").fill("bolt")
    page.get_by_role("button", name="Give it").click()
    expect(page.locator("#said")).to_contain_text("4 pictures are “bolt” now.")
    expect(label_of(page, 2)).to_have_text("bolt")
    expect(label_of(page, 4)).to_have_text("no label")
    page.get_by_role("button", name="Undo").click()
    expect(label_of(page, 2)).to_have_text("no label")
    # The label stays, for pictures to come.
    expect(chip(page, "bolt")).to_contain_text("0")


def test_an_upload_that_was_broken_off_goes_on(open_as: Opener, made: str, folder: Path) -> None:
    page = open_as("Alice", f"{made}/add")
    answers = iter([None, 503, 503])

    def now_and_then(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status)

    page.route("**/pictures/imports", now_and_then)
    page.locator("#f-folder").set_input_files(folder)
    page.get_by_role("button", name=re.compile("^Add")).click()
    # By itself, without anybody doing anything.
    expect(page.locator("[data-sums]")).to_contain_text("30 pictures added.")
    page.unroute("**/pictures/imports")
    page.goto(f"{made}/add")
    add(page, folder)
    expect(page.locator("[data-sums]")).to_contain_text("30 were here already.")


def test_dropped_folders_are_walked_through(open_as: Opener, made: str, folder: Path) -> None:
    page = open_as("Alice", f"{made}/add")
    session = page.context.new_cdp_session(page)
    where = page.locator("[data-drop]").bounding_box()
    assert where is not None
    x, y = where["x"] + where["width"] / 2, where["y"] + where["height"] / 2
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    expect(page.locator("[data-found]")).to_contain_text("31 files")
    page.get_by_role("button", name=re.compile("^Add")).click()
    expect(page.locator("[data-sums]")).to_contain_text("30 pictures added.")


def test_a_zip_is_unpacked_while_the_page_follows(
    open_as: Opener, made: str, folder: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "colours.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted(folder.rglob("*.*")):
            opened.write(file, file.relative_to(folder.parent))
    page = open_as("Alice", f"{made}/add")
    page.locator("#f-files").set_input_files(archive)
    page.get_by_role("button", name=re.compile("^Add")).click()
    expect(page.locator("[data-sums]")).to_contain_text("1 zip is being unpacked")
    page.reload()
    page.get_by_role("link", name="Show").click()
    # The train worker, which unpacks it, may still be starting.
    done = page.get_by_text("30 added, 0 known already, 1 skipped")
    expect(done).to_be_visible(timeout=90_000)
    expect(page.get_by_text("notes.txt")).to_be_visible()


def test_without_script_all_of_it_works(
    browser: Browser, site: Site, made: str, folder: Path
) -> None:
    with window(browser, site.url, site.token("Alice"), script=False) as page:
        page.goto(f"{made}/add")
        page.locator("#f-folder").set_input_files(folder)
        page.get_by_role("button", name="Add them").click()
        expect(page.get_by_text("30 pictures added.")).to_be_visible()
        expect(page.get_by_text("notes.txt")).to_be_visible()
        page.get_by_role("link", name="Look at the pictures").click()
        chip(page, "colours").click()
        tile(page, 0).check()
        page.get_by_role("button", name="red").click()
        expect(page.get_by_text("1 picture is “red” now.")).to_be_visible()
        expect(page.locator(".tile")).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".tile")).to_have_count(3)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_crowded_gallery_stays_in_its_window(
    open_as: Opener, made: str, folder: Path, size: tuple[int, int]
) -> None:
    page = open_as("Alice", f"{made}/add", size=size)
    add(page, folder)
    page.goto(made)
    tile(page, 0).check()
    assert sideways(page) == 0
    assert violations(page) == []
