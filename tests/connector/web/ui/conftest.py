"""A furnished workspace, and its people looking at pages."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from conftest import Person, person_of, settings_of
from flask import Flask
from furnished import DATABASE, Furnished, make
from pagereading import Reader
from stage import Stage

from connector.db import Database
from connector.db.tables import Classifier
from connector.settings import Settings
from connector.storage import LocalBlobs

_MADE: dict[frozenset[str], Furnished] = {}


@pytest.fixture
def parts() -> Collection[str]:
    """Say what the stage's live classifier has besides; modules that need more say so."""
    return ()


@pytest.fixture
def furnished(
    request: pytest.FixtureRequest,
    parts: Collection[str],
    sqlite_empty: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Furnished | None:
    """Give what the test begins with; None for tests without a stage."""
    if "stage" not in request.fixturenames:
        return None
    wanted = frozenset(parts)
    if wanted not in _MADE:
        data_dir = tmp_path_factory.mktemp("furnished") / "data"
        settings = settings_of(data_dir, f"sqlite:///{data_dir / DATABASE}")
        _MADE[wanted] = make(
            settings, sqlite_empty, wanted, lambda database: person_of(database, "Alice").secret
        )
    return _MADE[wanted]


@pytest.fixture
def sqlite_template(furnished: Furnished | None, sqlite_empty: Path) -> Path:
    """Begin with the furnished database where the test has a stage."""
    return sqlite_empty if furnished is None else furnished.database


@pytest.fixture
def alice(database: Database, furnished: Furnished | None) -> Person:
    """Alice, who owns the workspace."""
    if furnished is None:
        return person_of(database, "Alice")
    return Person("Alice", furnished.workspace_id, furnished.secret)


@pytest.fixture
def colours(
    request: pytest.FixtureRequest, database: Database, furnished: Furnished | None, alice: Person
) -> Classifier:
    """Give Alice's classifier of colours: the stage's, where there is one."""
    if furnished is None:
        return made_of_colours(database, request.getfixturevalue("blobs"), alice)
    with database.read() as session:
        return session.get_one(Classifier, furnished.colours_id)


def made_of_colours(database: Database, blobs: LocalBlobs, alice: Person) -> Classifier:
    """Make it in an empty workspace."""
    from colours import colour_classifier

    with database.write() as session:
        return colour_classifier(session, blobs, alice.workspace_id)


@pytest.fixture
def stage(database: Database, settings: Settings, furnished: Furnished) -> Stage:
    """Give Alice's furnished workspace."""
    return furnished.move_in(database, settings.data_dir)


@pytest.fixture
def reader(app: Flask) -> Reader:
    """Give somebody who is not logged in."""
    return Reader(app)


@pytest.fixture
def readers(app: Flask, stage: Stage) -> dict[str, Reader]:
    """Give everybody of the stage, logged in, by name."""
    return {name: Reader(app, actor.token) for name, actor in stage.people.items()}
