"""Photograph every page into docs/images: desktop and phone, light and dark.

A real service with a furnished workspace is started for it (`make screenshots`). Every page that is
declared is taken; names of pages after the command choose some: `make screenshots ARGS=home`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browsing import FORMS, launch, photograph, window
from playwright.sync_api import sync_playwright
from running import running
from sites import Site, furnished

from connector.web.ui.views import PAGES

IMAGES = ROOT / "docs" / "images"


class Shot(NamedTuple):
    """A page to take, as whom, and what the files are called."""

    name: str
    who: str | None
    path: str


def shots(site: Site) -> Iterator[Shot]:
    """Every page as Alice sees it, what strangers see, and the states that a page can have."""
    for pages in PAGES:
        for page in pages.pages:
            if page.title is not None and page.rule not in ("/login", "/link/<token>", "/settings"):
                name = pages.name if page.endpoint.endswith(".show") else page.endpoint
                yield Shot(name.replace(".", "-"), "Alice", site.stage.path(page.rule))
    yield Shot("running", None, "/")
    yield Shot("login", None, "/login")
    yield Shot("invitation", None, site.stage.path("/link/<token>"))
    yield Shot("home-empty", "Charlie", "/")
    for state in ("training", "failed", "empty"):
        yield Shot(f"classifier-{state}", "Alice", f"/classifiers/{site.stage.classifiers[state]}")
    yield Shot("error", "Alice", "/nothing/here")


def take(site: Site, chosen: list[str]) -> None:
    """Write the PNG files of the chosen pages, or of all."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for shot in shots(site):
            if chosen and shot.name not in chosen:
                continue
            token = None if shot.who is None else site.token(shot.who)
            for form in FORMS:
                with window(browser, site.url, token, size=form.size, theme=form.theme) as page:
                    page.goto(shot.path)
                    photograph(page, IMAGES / f"{shot.name}-{form.name}.png")
            print(shot.name)
        browser.close()


def main() -> None:
    """Start the service, take the pictures, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        prepared, stage = furnished(Path(folder) / "data")
        with running(prepared) as service:
            take(Site(service, stage), sys.argv[1:])


if __name__ == "__main__":
    main()
