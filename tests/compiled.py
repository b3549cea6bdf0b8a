"""Compile each SQL statement once in a run of the tests, and not again for each test's engine.

SQLAlchemy keeps compiled statements for an engine and its dialect. Every test has an engine of its
own, and would compile the same statements again. The dialects of one kind do not differ here,
since every engine is made by `connector.db`.
"""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

_KEPT = 5000


def share(patch: pytest.MonkeyPatch) -> None:
    """Let all engines that are made from now on share what was compiled, by the dialect's class."""
    kept: LRUCache[object, object] = LRUCache(_KEPT)
    begin = Engine.__init__

    def init(engine: Engine, *args: object, **options: object) -> None:
        begin(engine, *args, **options)  # type: ignore[arg-type]
        engine._compiled_cache = kept  # type: ignore[assignment]

    patch.setattr(Engine, "__init__", init)
    patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
    patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
