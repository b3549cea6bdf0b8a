"""Chromium on our pages: logged in as somebody, looked at by axe, photographed in four forms."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = (1440, 900), (390, 844)
SECONDS = 15
Theme = Literal["light", "dark"]


class Form(NamedTuple):
    """One of the four forms that every page is looked at in."""

    device: str
    size: tuple[int, int]
    theme: Theme

    @property
    def name(self) -> str:
        return f"{self.device}-{self.theme}"


FORMS = tuple(
    Form(device, size, theme)
    for device, size in (("desktop", DESKTOP), ("phone", PHONE))
    for theme in ("light", "dark")
)


def chromium_path() -> str | None:
    """Return where Chromium is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """Start Chromium; without it a test is skipped, or fails where CI runs it."""
    path = chromium_path()
    if path is None:
        reason = "no Chromium: run `make debian-packages` as root, or install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # A busy machine is slow: a condition that holds is not waited for any longer.
    expect.set_options(timeout=SECONDS * 1000)
    # Its sandbox needs what containers do not give to root.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=args)


@contextmanager
def window(
    browser: Browser,
    url: str,
    token: str | None = None,
    *,
    size: tuple[int, int] = DESKTOP,
    theme: Theme = "light",
    script: bool = True,
) -> Iterator[Page]:
    """Give a page in a browser of its own, logged in by the session of that token.

    Anything that the policy of our pages forbids, and any error of a script, fails the test.
    """
    context = browser.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        reduced_motion="reduce",
        java_script_enabled=script,
        has_touch=size == PHONE,
    )
    context.set_default_timeout(SECONDS * 1000)
    if token is not None:
        log_in(context, url, token)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.extend(_trouble(said.type, said.text)))
    page.on("request", lambda asked: troubles.extend(_foreign(asked.url, url)))
    try:
        yield page
    finally:
        context.close()
    assert troubles == []


def _trouble(kind: str, text: str) -> list[str]:
    # That an address answered 4xx is said as an error, too; tests ask for it.
    return [text] if kind == "error" and "the server responded with a status" not in text else []


def _foreign(asked: str, url: str) -> list[str]:
    ours = urlsplit(asked).netloc in (urlsplit(url).netloc, "")
    return [] if ours else [f"a request to {asked}"]


def log_in(context: BrowserContext, url: str, token: str) -> None:
    """Put the cookie of a session into a browser."""
    host = str(urlsplit(url).hostname)
    context.add_cookies([{"name": "colabel_session", "value": token, "domain": host, "path": "/"}])


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is now, a line for each place."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text())
    found: dict[str, Any] = page.evaluate("async () => await axe.run()")
    assert found["passes"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:160]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def sideways(page: Page) -> int:
    """Return by how many pixels the page is wider than the window: it must not scroll sideways."""
    width: int = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


# What can be focused and seen, and has not been: of radio buttons in a group one is enough.
_BEGIN_TABBING = """() => {
  const seen = (one) => one.checkVisibility({visibilityProperty: true})
    && !one.disabled && one.tabIndex >= 0 && one.getClientRects().length > 0;
  const all = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")].filter(seen);
  const group = (one) => one.type === "radio" ? `radio ${one.name}` : one;
  window.left = new Set(all.map(group));
  window.unmarked = [];
  document.addEventListener("focusin", (event) => {
    window.left.delete(group(event.target));
    const {target} = event, around = [...(target.parentElement?.children ?? [])];
    for (let at = target, up = 0; up < 4 && at instanceof Element; up += 1, at = at.parentElement)
      around.push(at);
    const outlined = ({outlineStyle, outlineWidth}) =>
      outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    if (!around.some((one) => outlined(getComputedStyle(one))))
      window.unmarked.push(target.outerHTML.slice(0, 160));
  });
  document.activeElement.blur();
  // A field for a time has a stop for each of its parts.
  const times = all.filter((one) => /^(date|time)/.test(one.type));
  return all.length + 8 * times.length;
}"""
_END_TABBING = """() => [
  ...[...window.left].map((one) => `never focused: ${one.outerHTML?.slice(0, 160) ?? one}`),
  ...window.unmarked.map((one) => `focused and not marked: ${one}`),
]"""


def unreachable(page: Page) -> list[str]:
    """Return what Tab does not come to, and what does not show that it has the focus."""
    count: int = page.evaluate(_BEGIN_TABBING)
    for _ in range(count + 5):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate(_END_TABBING)
    return found


def photograph(page: Page, path: Path, *, whole: bool = True) -> None:
    """Write a screenshot as a small PNG."""
    if whole:
        # What is fixed to the window would else lie across the middle of a long page.
        height = page.evaluate("() => document.documentElement.scrollHeight")
        size = page.viewport_size or {"width": DESKTOP[0], "height": DESKTOP[1]}
        page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    # Thumbnails are made when they are first asked for, and loaded when they come into view.
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    data = page.screenshot(full_page=whole, animations="disabled", caret="hide")
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
