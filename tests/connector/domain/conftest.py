"""Alice's classifier of insects, and examples for it that are rows without bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.db import Database
from connector.db.tables import Classifier, Example, Image
from connector.domain import classifiers

Person = Any


@pytest.fixture
def insects(database: Database, alice: Person) -> Classifier:
    """Give Alice's classifier of insects, which has no examples yet."""
    with database.write() as session:
        return classifiers.create_classifier(
            session, alice.workspace_id, name="Insects", labels=["ant", "bee", "wasp"]
        )


@pytest.fixture
def bare(database: Database, alice: Person) -> Classifier:
    """Give Alice's classifier that has no labels yet."""
    with database.write() as session:
        return classifiers.create_classifier(session, alice.workspace_id, name="Insects")


@pytest.fixture
def give(database: Database, insects: Classifier) -> Callable[..., None]:
    """Give labels that many examples."""

    def add(**wanted: int) -> None:
        with database.write() as session:
            for name, count in wanted.items():
                label = classifiers.find_label(session, insects, name)
                for i in range(count):
                    sha256 = f"{label.position}{i:063}"
                    image = Image(
                        workspace_id=insects.workspace_id,
                        sha256=sha256,
                        media_type="image/png",
                        width=1,
                        height=1,
                        size=1,
                    )
                    session.add(image)
                    session.flush()
                    session.add(
                        Example(
                            classifier_id=insects.id,
                            image_id=image.id,
                            label_id=label.id,
                            name="",
                            origin="test",
                        )
                    )

    return add
