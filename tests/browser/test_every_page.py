"""Every page in both themes and both sizes: nothing for axe to find, nothing that sticks out.

And nothing that keys alone do not come to, or that does not show that it has the focus.
"""

from __future__ import annotations

import pytest
from browsing import DESKTOP, PHONE, Theme, sideways, unreachable, violations, window
from playwright.sync_api import Browser
from sites import Site

from connector.web.ui.pages import Page
from connector.web.ui.views import PAGES

SHOWN = [page for pages in PAGES for page in pages.pages if page.title is not None]
# Seen by who is not logged in; the others look different to those who are.
OUTSIDE = ["/", "/login", "/link/<token>", "/nothing/here"]
THEMES: tuple[Theme, ...] = ("light", "dark")

devices = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


def look(
    browser: Browser, site: Site, token: str | None, rule: str, size: tuple[int, int]
) -> list[str]:
    """Return what is wrong with a page in this size, in either theme."""
    wrong = []
    with window(browser, site.url, token, size=size) as page:
        page.goto(site.stage.path(rule))
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            wrong += [f"{theme}: {one}" for one in violations(page)]
        wide = sideways(page)
        wrong += [f"{wide} pixels too wide"] if wide else []
        if size == DESKTOP:
            wrong += unreachable(page)
    return wrong


@devices
@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.rule)
def test_inside(browser: Browser, site: Site, page: Page, size: tuple[int, int]) -> None:
    assert look(browser, site, site.token("Alice"), page.rule, size) == []


@devices
@pytest.mark.parametrize("rule", OUTSIDE)
def test_outside(browser: Browser, site: Site, rule: str, size: tuple[int, int]) -> None:
    assert look(browser, site, None, rule, size) == []


# The tabs of a classifier, and what an owner has besides.
TABS = ("", *(f"/{tab}" for tab in ("pictures", "training", "quality", "automate", "review")))
TABS += ("/activity", "/models", "/settings", "/exchange", "/asking")
PLACES = ("/", "/review", "/activity", "/activity/undo", "/activity/undos", "/settings/webhooks")
PLACES += ("/settings/messages", "/settings/storage", "/settings/keys", "/settings/people")


@devices
@pytest.mark.parametrize("state", ["empty", "collecting", "training", "failed"])
def test_a_classifier_in_every_state(
    browser: Browser, site: Site, state: str, size: tuple[int, int]
) -> None:
    here = f"/classifiers/{site.stage.classifiers[state]}"
    with window(browser, site.url, site.token("Alice"), size=size) as page:
        for tab in TABS:
            answer = page.goto(f"{here}{tab}")
            assert answer is not None
            assert answer.status == 200, tab
            assert (violations(page), sideways(page)) == ([], 0), tab


@devices
def test_with_nothing_in_it_yet(browser: Browser, site: Site, size: tuple[int, int]) -> None:
    with window(browser, site.url, site.token("Charlie"), size=size) as page:
        for place in PLACES:
            answer = page.goto(place)
            assert answer is not None
            assert answer.status == 200, place
            assert (violations(page), sideways(page)) == ([], 0), place
