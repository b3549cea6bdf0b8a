"""An application on a test's own data, and callers that check every answer against OpenAPI."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from caller import Caller
from conftest import Person, settings_of
from flask import Flask
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Base, Classifier
from connector.domain import classifiers
from connector.settings import Settings
from connector.web.app import create_app, equip
from workers import act, classify
from workers.runtime import Runtime


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on SQLite alone, except in modules that say ON_BOTH_DATABASES: the domain's tests do."""
    both = hasattr(metafunc.module, "ON_BOTH_DATABASES")
    if "database_url" in metafunc.fixturenames and not both:
        sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
        metafunc.definition.add_marker(sqlite)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Take small uploads only, so that too large ones are quick to make."""
    return settings.model_copy(update={"max_upload_bytes": 1_000_000})


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on this test's data; its connections are given back at the end.

    Compiling its routes takes longer than most tests, so they have one after the other the same.
    """
    app = _routed()
    equip(app, settings)
    yield app
    shut(app)


@lru_cache(maxsize=1)
def _routed() -> Flask:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_of(Path(folder), f"sqlite:///{folder}/none.db"))
        shut(app)
    return app


def shut(app: Flask) -> None:
    """Give back the connections of an application."""
    app.extensions["colabel"].database.close()
    app.extensions["colabel"].bells.client.close()


@pytest.fixture
def as_alice(app: Flask, alice: Person) -> Caller:
    """Alice calls."""
    return Caller(app, alice.headers)


@pytest.fixture
def as_bob(app: Flask, bob: Person) -> Caller:
    """Bob calls."""
    return Caller(app, bob.headers)


@pytest.fixture
def as_charlie(app: Flask, charlie: Person) -> Caller:
    """Charlie calls."""
    return Caller(app, charlie.headers)


@pytest.fixture
def as_nobody(app: Flask) -> Caller:
    """Somebody without a key calls."""
    return Caller(app, {})


@dataclass(frozen=True)
class SortingJob:
    """Alice's classifier with a live model: its id, its path, and the path of its hook."""

    id: str
    path: str
    hook: str


@pytest.fixture
def job(database: Database, colours: Classifier) -> SortingJob:
    """A classifier of red, green and blue pictures."""
    with database.read() as session:
        token = classifiers.source(session, colours, "hook").token
    return SortingJob(colours.id, f"/api/v1/classifiers/{colours.id}", f"/hooks/{token}")


@contextmanager
def _working(rt: Runtime) -> Iterator[None]:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.wait(0.01):
                classify.step(rt)
                act.step(rt)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not failures


@pytest.fixture
def workers(rt: Runtime) -> Iterator[None]:
    """Workers that classify and act while the test goes on."""
    with _working(rt):
        yield


@pytest.fixture
def drain(rt: Runtime) -> Callable[[], None]:
    """Do all the work that waits."""

    def work() -> None:
        while classify.step(rt) or act.step(rt):
            pass

    return work


@pytest.fixture
def residue(database: Database, settings: Settings) -> Callable[[], dict[str, int]]:
    """Count what is kept: the rows of every table, and the files of the data folder.

    Without the notes of refused calls, which are meant to stay.
    """

    def count() -> dict[str, int]:
        with database.read() as session:
            rows = {
                table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
                for table in Base.metadata.sorted_tables
                if table.name != "source_events"
            }
        return {**rows, "files": _files(settings.blobs_dir)}

    return count


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())
