"""What the insert of a picture itself refuses, whatever was known a moment before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from colours import picture
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Classifier, Image, Prediction
from connector.domain import classifiers, predictions
from connector.domain.predictions import Accepted, SourceRef, Submission
from connector.errors import Conflict, NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Submit = Callable[..., Accepted]


@pytest.fixture
def ready(api_source: SourceRef) -> SourceRef:
    """The source as one sees it who looked it up just now."""
    return replace(api_source, ready=True)


@pytest.fixture
def submit(
    database: Database, blobs: LocalBlobs, settings: Settings, ready: SourceRef
) -> Callable[..., Accepted]:
    def hand_in(colour: str = "red", **said: str) -> Accepted:
        what = Submission(picture(colour), "a.png", **said)
        return predictions.submit(database, blobs, settings, source=ready, submission=what)

    return hand_in


def rows(database: Database) -> tuple[int, int]:
    with database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(t)) for t in (Prediction, Image)]
        return counts[0] or 0, counts[1] or 0


def test_what_is_written_is_what_was_said(database: Database, submit: Submit) -> None:
    accepted = submit(external_id="mine")
    with database.read() as session:
        row = session.get_one(Prediction, accepted.id)
        assert accepted.row is not None
        assert row.meta == accepted.row["metadata"] == {}
        assert row.location == accepted.row["location"]
        assert (row.status, row.external_id, row.strikes) == ("queued", "mine", 0)
        assert row.created_at == accepted.row["created_at"]
        assert (row.label, row.lease_token, row.decided_at) == (None, None, None)


def test_a_classifier_deleted_meanwhile_gets_nothing_more(
    database: Database, colours: Classifier, submit: Submit
) -> None:
    submit()
    with database.write() as session:
        classifiers.delete_classifier(session, session.get_one(Classifier, colours.id))
    with pytest.raises(NotFound, match="no longer there"):
        submit("green")
    assert rows(database) == (1, 1)


def test_a_classifier_whose_model_is_gone_meanwhile_says_so(
    database: Database, colours: Classifier, submit: Submit
) -> None:
    with database.write() as session:
        session.get_one(Classifier, colours.id).live_version = None
    with pytest.raises(Conflict, match="no model yet") as caught:
        submit()
    assert caught.value.code == "no_model"
    assert rows(database) == (0, 0)


def test_one_key_at_the_same_moment_makes_one_prediction(
    database: Database, submit: Submit
) -> None:
    with ThreadPoolExecutor(8) as pool:
        accepted = [
            future.result()
            for future in [pool.submit(submit, idempotency_key="same") for _ in range(16)]
        ]
    assert len({one.id for one in accepted}) == 1
    assert sum(one.created for one in accepted) == 1
    assert rows(database) == (1, 1)
    with pytest.raises(Unprocessable, match="different request"):
        submit("green", idempotency_key="same")


def test_a_source_knows_whether_its_classifier_takes_pictures(
    database: Database, colours: Classifier
) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, colours.id)
        source = classifiers.source(session, row, "api")
        assert SourceRef.of(source, row).ready
        row.live_version = None
        assert not SourceRef.of(source, row).ready
        row.live_version = 1
        classifiers.delete_classifier(session, row)
        assert not SourceRef.of(source, row).ready
