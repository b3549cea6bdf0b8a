"""All that the pages say is in the catalogue, and all that is in it is said."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from connector.web.ui.words import FOLDER, catalogue, rich, t

WEB = FOLDER.parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SOURCES = [*TEMPLATES, *sorted((WEB / "ui").rglob("*.py"))]
# The name of the product, and what is shown as it is typed.
PROPER = {"colabel"}
SPOKEN = ("title", "aria-label", "placeholder", "alt")


def used() -> set[str]:
    """Keys, and beginnings of keys that are put together, as the sources ask for them."""
    found = set()
    for path in SOURCES:
        text = path.read_text()
        found |= set(re.findall(r"[\"']([a-z_]+\.[a-z0-9_.]+)[\"']", text))
        found |= set(re.findall(r"f?[\"']([a-z_]+\.[a-z_]*)(?:\{|[\"'] ~)", text))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(WEB)))
def test_every_key_that_is_asked_for_is_there(path: Path) -> None:
    asked = re.findall(r"\b(?:t|rich|flash)\(\s*[\"']([a-z_]+\.[a-z0-9_]+)[\"']", path.read_text())
    assert [key for key in asked if key not in catalogue() and not key.endswith("_")] == []


def test_every_text_is_used() -> None:
    asked = used()
    beginnings = tuple(one for one in asked if one.endswith(("_", ".")))
    unused = [key for key in catalogue() if key not in asked and not key.startswith(beginnings)]
    assert unused == []


class Loose(HTMLParser):
    """Collects the letters that stand in a template outside of the catalogue."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.raw = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.raw += tag in ("code", "pre")
        self.found += [value for name, value in attrs if name in SPOKEN and _said(value)]

    def handle_endtag(self, tag: str) -> None:
        self.raw -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if not self.raw and _said(data):
            self.found.append(data.strip())


def _said(text: str | None) -> bool:
    left = text or ""
    for name in PROPER:
        left = left.replace(name, "")
    return re.search(r"[A-Za-z]{2}", left) is not None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_speaks_by_itself(path: Path, app: Flask) -> None:
    text = path.read_text()
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
    assert Loose(plain).found == []
    strings = [value for _, kind, value in app.jinja_env.lex(text) if kind == "string"]
    assert [one for one in strings if re.match(r"[\"'][A-Z][a-z]", one)] == []


def test_the_test_of_templates_would_see_loose_words() -> None:
    assert Loose("<p>Hello there</p>").found == ["Hello there"]
    assert Loose('<a title="Go on">1</a>').found == ["Go on"]
    assert Loose("<p>· colabel</p><code>curl x</code>").found == []


def test_one_and_several() -> None:
    assert t("state.questions", count=1) == "1 open question"
    assert t("state.questions", count=12345) == "12,345 open questions"


def test_what_is_put_into_a_rich_text_is_escaped() -> None:
    assert "<code>" in rich("login.help")
    assert t("link.done_invite", name="<b>") == "Welcome, <b>."
    assert rich("link.done_invite", name="<b>") == "Welcome, &lt;b&gt;."


def test_an_unknown_key_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        t("login.nothing")
