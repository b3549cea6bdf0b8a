"""What people do in the browser, on a real service with real workers."""

from __future__ import annotations

import re

import pytest
from browsing import DESKTOP, PHONE, sideways, violations, window
from colours import picture
from playwright.sync_api import Browser, Page, expect
from running import Service
from sites import Opener, Site
from stage import PASSWORD

FIRST = {"email": "alice@example.com", "name": "Alice", "password": PASSWORD}


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that is focused: what cannot be reached so is not there for everybody."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    pytest.fail(f"Tab never comes to {selector}")


def test_from_the_first_link_to_the_first_classifier_by_keyboard(
    browser: Browser, bare: Service
) -> None:
    """`up` prints the link; nothing but keys is used from there on."""
    link = re.search(r"Begin +(http://\S+/link/\w+)", bare.said.read_text())
    assert link is not None
    with window(browser, bare.url) as page:
        page.goto(link[1])
        for name, value in FIRST.items():
            tab_to(page, f"[name={name}]")
            page.keyboard.type(value)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Welcome, Alice.")).to_be_visible()
        tab_to(page, "a[href='/classifiers/new']")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "What should colabel do with your pictures?"
        )
        tab_to(page, "[name=kind]")
        page.keyboard.press("ArrowDown")
        expect(page.locator("[value=yes_no]")).to_be_checked()
        expect(page.locator("[name=labels]")).to_be_hidden()
        page.keyboard.press("ArrowUp")
        tab_to(page, "[name=name]")
        page.keyboard.type("Spare parts")
        tab_to(page, "[name=labels]")
        page.keyboard.type("bolt, nut")
        tab_to(page, "button.main")
        page.keyboard.press("Enter")
        expect(page.get_by_text("It is made.")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Spare parts")
        expect(page.get_by_text("bolt")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        page.goto(link[1])
        expect(page.get_by_text("used already")).to_be_visible()


def test_logging_in_by_hand_and_waiting_after_wrong_guesses(browser: Browser, site: Site) -> None:
    with window(browser, site.url) as page:
        page.goto("/settings/account")
        for password in (*["wrong"] * 5, PASSWORD):
            page.get_by_label("E-mail address").fill("rosa@example.com")
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("try again in")
        page.get_by_label("E-mail address").fill("bob@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{site.url}/settings/account")
        page.locator(".menu > summary").click()
        page.locator(".menu-body").get_by_role("button", name="Log out").click()
        expect(page.get_by_text("You are logged out.")).to_be_visible()


def test_a_session_is_ended_from_another_browser(browser: Browser, site: Site) -> None:
    with window(browser, site.url) as lost, window(browser, site.url, site.token("Bob")) as mine:
        lost.goto("/login")
        lost.get_by_label("E-mail address").fill("bob@example.com")
        lost.get_by_label("Password").fill(PASSWORD)
        lost.get_by_role("button", name="Log in").click()
        expect(lost.get_by_role("heading", level=1)).to_have_text("Classifiers")
        mine.goto("/settings/account")
        mine.get_by_role("button", name="Log out Chrome on Linux").click()
        expect(mine.get_by_text("That browser is logged out.")).to_be_visible()
        lost.reload()
        expect(lost.get_by_role("heading", level=1)).to_have_text("colabel is running")


def test_somebody_is_invited_and_comes(browser: Browser, open_as: Opener, site: Site) -> None:
    page = open_as("Alice", "/settings/people")
    page.get_by_label("E-mail address").fill("frieda@example.com")
    page.get_by_label("Reviewer").first.check()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".copyable code").inner_text()
    with window(browser, site.url) as hers:
        hers.goto(link)
        expect(hers.get_by_role("heading", level=1)).to_have_text("You are invited")
        hers.get_by_label("Name").fill("Frieda")
        hers.get_by_label("Password").fill(PASSWORD)
        hers.get_by_role("button", name="Make the account").click()
        expect(hers.get_by_text("Welcome, Frieda.")).to_be_visible()
        expect(hers.get_by_role("link", name="New classifier")).to_have_count(0)
        assert hers.goto("/settings/people").status == 403  # type: ignore[union-attr]
        expect(hers.get_by_role("heading", level=1)).to_have_text("You may not do that")


def test_the_outsider_sees_nothing(open_as: Opener, site: Site) -> None:
    page = open_as("Charlie", "/")
    expect(page.get_by_text("What should colabel do with your pictures?")).to_be_visible()
    answer = page.goto(f"/classifiers/{site.stage.ids['classifier_id']}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_a_page_follows_what_it_shows(open_as: Opener, site: Site) -> None:
    """A picture that comes in moves the page without anybody touching it."""
    page = open_as("Alice", f"/classifiers/{site.stage.ids['classifier_id']}")
    state = page.locator("#state")
    expect(state).to_contain_text("1 open question")
    page.get_by_role("button", name="Copy the address").focus()
    hook = page.locator(".copyable code").inner_text()
    assert hook.startswith(site.url)
    headers = {"Content-Type": "image/png"}
    path = hook.removeprefix(site.url)
    status, _ = site.service.request("POST", path, picture("grey", seed=77), headers)
    assert status == 202
    expect(state).to_contain_text("2 open questions", timeout=30_000)
    # What follows the service does not take the focus away.
    expect(page.get_by_role("button", name="Copy the address")).to_be_focused()


def test_the_theme_changes_at_once_and_stays(open_as: Opener) -> None:
    page = open_as("Bob", "/")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator(".menu > summary").click()
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) != light
    page.reload()
    assert page.evaluate(paper) != light
    page.locator(".menu > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".menu-body")).to_be_hidden()


def test_everything_works_without_script(browser: Browser, site: Site) -> None:
    with window(browser, site.url, site.token("Charlie"), script=False) as page:
        page.goto("/classifiers/new")
        page.get_by_text("Watch for something").click()
        page.get_by_label("What do you call it?").fill("Smoke")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_text("whom to tell")).to_be_visible()
        page.goto("/settings/keys")
        page.get_by_label("Name").fill("Scanner")
        page.get_by_label("Send pictures").check()
        page.get_by_role("button", name="Make a key").click()
        expect(page.locator(".copyable code")).to_contain_text("clbl_")
        page.locator(".ask > summary").first.click()
        page.get_by_role("button", name="End the key Scanner").click()
        expect(page.get_by_text("The key is ended.")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_question_before_something_ends_fits_and_closes(
    open_as: Opener, size: tuple[int, int]
) -> None:
    page = open_as("Alice", "/settings/people", size=size)
    page.locator(".ask > summary").first.click()
    expect(page.get_by_role("button", name="Shut out Bob")).to_be_visible()
    assert sideways(page) == 0
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Shut out Bob")).to_be_hidden()
