"""Real services: each started once for all the tests of a module that may share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Prepared, Service, prepare, running


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """Give a data folder with the colour classifier live in it; nothing runs on it yet."""
    return prepare(tmp_path / "data")


@pytest.fixture
def service(prepared: Prepared) -> Iterator[Service]:
    """Give a running service of this test alone."""
    with running(prepared) as service:
        yield service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a running service that the tests of a module share; they leave it running."""
    with running(prepare(tmp_path_factory.mktemp("shared") / "data")) as service:
        yield service
