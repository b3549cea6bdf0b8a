"""Servers on this machine that say what a test wants, and end with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from fetching import Serve
from loopback import Loopback, Talk


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that talk as they are told."""
    with ExitStack() as stack:

        def start(talk: Talk, **options: Any) -> Loopback:
            return stack.enter_context(closing(Loopback(talk, **options)))

        yield start
