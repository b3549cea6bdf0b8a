"""Every page in both themes and both sizes: nothing for axe to find, nothing that sticks out."""

from __future__ import annotations

import pytest
from browsing import FORMS, Form, sideways, violations, window
from playwright.sync_api import Browser
from sites import Site

from connector.web.ui.pages import Page
from connector.web.ui.views import PAGES

SHOWN = [page for pages in PAGES for page in pages.pages if page.title is not None]
# Seen by who is not logged in; the others look different to those who are.
OUTSIDE = ["/", "/login", "/link/<token>", "/nothing/here"]


def look(browser: Browser, site: Site, token: str | None, rule: str, form: Form) -> list[str]:
    """Return what is wrong with a page in this form."""
    with window(browser, site.url, token, size=form.size, theme=form.theme) as page:
        page.goto(site.stage.path(rule))
        wide = sideways(page)
        return violations(page) + ([f"{wide} pixels too wide"] if wide else [])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.rule)
def test_inside(browser: Browser, site: Site, page: Page, form: Form) -> None:
    assert look(browser, site, site.token("Alice"), page.rule, form) == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("rule", OUTSIDE)
def test_outside(browser: Browser, site: Site, rule: str, form: Form) -> None:
    assert look(browser, site, None, rule, form) == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("state", ["empty", "collecting", "training", "failed"])
def test_a_classifier_in_every_state(browser: Browser, site: Site, state: str, form: Form) -> None:
    path = f"/classifiers/{site.stage.classifiers[state]}"
    assert look(browser, site, site.token("Alice"), path, form) == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_with_nothing_in_it_yet(browser: Browser, site: Site, form: Form) -> None:
    assert look(browser, site, site.token("Charlie"), "/", form) == []
