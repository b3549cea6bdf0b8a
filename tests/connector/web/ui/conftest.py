"""A furnished workspace, and its people looking at pages."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from conftest import Person
from flask import Flask
from pagereading import Reader
from stage import Stage, furnish

from connector.db.tables import Classifier
from workers.runtime import Runtime


@pytest.fixture
def parts() -> Collection[str]:
    """Say what the stage's live classifier has besides; modules that need more say so."""
    return ()


@pytest.fixture
def stage(rt: Runtime, alice: Person, colours: Classifier, parts: Collection[str]) -> Stage:
    """Give Alice's furnished workspace."""
    return furnish(rt, alice.workspace_id, colours.id, parts)


@pytest.fixture
def reader(app: Flask) -> Reader:
    """Give somebody who is not logged in."""
    return Reader(app)


@pytest.fixture
def readers(app: Flask, stage: Stage) -> dict[str, Reader]:
    """Give everybody of the stage, logged in, by name."""
    return {name: Reader(app, actor.token) for name, actor in stage.people.items()}
