"""The codes that docs/api.md lists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

API = Path(__file__).parents[1] / "docs" / "api.md"


@cache
def codes() -> frozenset[str]:
    """Return every code of the table of error codes."""
    table = API.read_text().partition("## Error codes")[2]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return frozenset(re.findall(r"`([a-z0-9_]+)`(?=[, ]|$)", "\n".join(cells)))
