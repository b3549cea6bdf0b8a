"""Thumbnails and large pictures: made once, kept, and gone with their picture."""

from __future__ import annotations

import io
from collections.abc import Collection

import pytest
from colours import picture
from flask import Flask
from pagereading import Reader, queries
from PIL import Image
from sqlalchemy import select, update
from stage import SORTED, Stage

from connector.db import Database
from connector.db.tables import Classifier, Thumbnail
from connector.db.tables import Image as ImageRow
from connector.domain import forgetting
from connector.settings import Settings
from connector.storage import LocalBlobs


@pytest.fixture
def parts() -> Collection[str]:
    return {SORTED}


@pytest.fixture
def path(stage: Stage) -> str:
    """The tab's address, of a classifier with three labelled pictures and two without a label."""
    return f"/classifiers/{stage.ids['classifier_id']}/pictures"


@pytest.fixture
def alice_reads(readers: dict[str, Reader]) -> Reader:
    """Alice, who owns the classifier."""
    return readers["Alice"]


def small(stage: Stage) -> str:
    return f"/pictures/{stage.ids['image_id']}/small.jpg"


def test_a_thumbnail_is_made_once_and_kept_forever(
    alice_reads: Reader, stage: Stage, database: Database, app: Flask
) -> None:
    first = alice_reads.get(small(stage))
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    with Image.open(io.BytesIO(first.data), formats=["JPEG"]) as image:
        assert image.size == (40, 30)
    with database.read() as session:
        kept = session.scalars(select(Thumbnail)).one()
    blobs = app.extensions["colabel"].blobs
    assert blobs.read(kept.thumbnail_sha256) == first.data
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        assert alice_reads.get(small(stage)).data == first.data
    assert len(sent) == 2


def test_a_thumbnail_that_the_store_lost_is_made_again(
    alice_reads: Reader, stage: Stage, database: Database, app: Flask
) -> None:
    first = alice_reads.get(small(stage)).data
    with database.read() as session:
        kept = session.scalars(select(Thumbnail.thumbnail_sha256)).one()
    app.extensions["colabel"].blobs.delete(kept)
    assert alice_reads.get(small(stage)).data == first


def test_a_thumbnail_goes_with_its_picture(
    alice_reads: Reader, stage: Stage, database: Database, app: Flask, settings: Settings
) -> None:
    from connector.domain import retention

    alice_reads.get(small(stage))
    blobs: LocalBlobs = app.extensions["colabel"].blobs
    with database.read() as session:
        kept = session.scalars(select(Thumbnail.thumbnail_sha256)).one()
    with database.write() as session:
        mine = session.get_one(Classifier, stage.ids["classifier_id"])
        forgetting.forget_example(session, settings, mine, stage.ids["example_id"], force=True)
    while retention.finish(database, blobs):
        pass
    assert not blobs.exists(kept)
    with database.read() as session:
        assert session.scalars(select(Thumbnail)).all() == []
    assert alice_reads.get(small(stage)).status_code == 410


def test_a_picture_that_no_library_reads_has_a_sign_in_its_place(
    alice_reads: Reader, stage: Stage, database: Database, app: Flask
) -> None:
    with database.write() as session:
        broken = app.extensions["colabel"].blobs.put(b"\xff\xd8\xff but no more of a picture")
        session.execute(
            update(ImageRow).where(ImageRow.id == stage.ids["image_id"]).values(sha256=broken)
        )
    answer = alice_reads.get(small(stage))
    assert answer.mimetype == "image/svg+xml"
    assert "immutable" not in answer.headers["Cache-Control"]


def test_large_pictures_are_shown_as_they_came(alice_reads: Reader, stage: Stage) -> None:
    answer = alice_reads.get(f"/pictures/{stage.ids['image_id']}/large")
    assert answer.data == picture("red", seed=54)
    assert answer.mimetype == "image/png"
