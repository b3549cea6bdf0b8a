"""All hostile pictures."""

from __future__ import annotations

from functools import cache

from hostile import bombs, damage, foreign, jpegs, others, pngs, tiffs
from hostile.base import Pictures


@cache
def pictures() -> Pictures:
    """Return every one by its name, without the bombs, which take longer to make."""
    made: Pictures = {}
    for part in (damage, jpegs, pngs, tiffs, others, foreign):
        fresh = part.pictures()
        assert not made.keys() & fresh.keys()
        made |= fresh
    return made


@cache
def large() -> Pictures:
    """Return the small files of many pixels."""
    return bombs.pictures()
