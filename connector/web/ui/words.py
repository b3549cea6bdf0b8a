"""Everything that the pages say, by key, from one folder of TOML files a language.

`words/en/login.toml` holds what is asked for as "login.…": a file for each group of pages, so
that whoever adds pages adds a file. A text with two forms is a table of `one` and `other`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

FOLDER = Path(__file__).parent.parent / "words"
LANGUAGE = "en"

Text = str | dict[str, str]


@lru_cache(maxsize=4)
def catalogue(language: str = LANGUAGE) -> Mapping[str, Text]:
    """Return key -> text, or its forms for one and for several."""
    found: dict[str, Text] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        found.update(_flat(path.stem, tomllib.loads(path.read_text("utf-8"))))
    return found


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Text]:
    found: dict[str, Text] = {}
    for name, value in values.items():
        if isinstance(value, str) or set(value) == {"one", "other"}:
            found[f"{prefix}.{name}"] = value
        else:
            found.update(_flat(f"{prefix}.{name}", value))
    return found


def t(key: str, **values: Any) -> str:
    """Return the text of that key with `values` put in; of two forms, the one for `count`.

    Raises KeyError for a key that is not there: the page is wrong, not its reader.
    """
    text = catalogue()[key]
    if isinstance(text, dict):
        text = text["one" if values["count"] == 1 else "other"]
    return text.format_map(_Shown(values)) if values else text


def rich(key: str, **values: Any) -> Markup:
    """Return a text that may hold simple tags of ours; what is put in is escaped."""
    text = catalogue()[key]
    if isinstance(text, dict):
        text = text["one" if values["count"] == 1 else "other"]
    return Markup(text).format(**values)  # noqa: S704 - the catalogue is ours


class _Shown(dict[str, Any]):
    """Values as they are shown: whole numbers with their thousands apart."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return f"{value:,}" if type(value) is int else value
