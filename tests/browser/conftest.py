"""A real service with a furnished workspace, and windows of Chromium for its people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from browsing import launch, window
from playwright.sync_api import Browser, Page, sync_playwright
from running import Service, prepare, running
from sites import Opener, Site, furnished


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these start whole services."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.service)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Chromium, started once."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a service that the tests share: none may need what another leaves of Alice's."""
    prepared, stage = furnished(tmp_path_factory.mktemp("site") / "data")
    with running(prepared) as service:
        yield Site(service, stage)


@pytest.fixture
def bare(browser: Browser, tmp_path: Path) -> Iterator[Service]:
    """Give a service of this test alone, where nobody has an account yet."""
    with running(prepare(tmp_path / "data")) as service:
        yield service


@pytest.fixture
def open_as(browser: Browser, site: Site) -> Iterator[Opener]:
    """Open a window on the shared service as somebody: open_as("Alice", "/path", size=PHONE)."""
    with ExitStack() as windows:

        def opened(name: str | None, path: str, **options: Any) -> Page:
            token = None if name is None else site.token(name)
            page = windows.enter_context(window(browser, site.url, token, **options))
            page.goto(path)
            return page

        yield opened
