"""Pictures are decoded apart: a hostile one fails, and nothing else happens."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from colours import picture
from many_scans import many_scans
from PIL import Image

from connector import decoding, pictures
from connector.db.tables import Prediction
from connector.domain import predictions
from connector.domain.predictions import SourceRef, Submission
from connector.errors import ColabelError, Unavailable
from connector.sandbox import Limits, Pool
from connector.settings import Settings
from models import preprocess
from models.errors import UnreadablePicture
from workers import classify
from workers.decoding import load, load_many
from workers.runtime import Runtime

# The kernel counts whole seconds.
IMPATIENT = {"decode_seconds": 0.1}
EXPENSIVE = (4_000, 185)
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def send(rt: Runtime, source: SourceRef, data: bytes) -> str:
    submission = Submission(data)
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    ).id


@ON_ONE_DATABASE
def test_the_array_is_the_same_as_without_a_process_between(settings: Settings) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF"):
        data = picture("red", kind=kind, size=(301, 200))
        assert np.array_equal(load(data, 32, settings), preprocess.load(data, 32)), kind


@ON_ONE_DATABASE
def test_what_cannot_be_read_says_why_and_the_others_are_there(settings: Settings) -> None:
    good, cut, other = load_many(
        [picture("red"), picture("blue")[:-40], picture("green")], 16, settings
    )
    assert isinstance(good, np.ndarray)
    assert isinstance(other, np.ndarray)
    assert isinstance(cut, UnreadablePicture)
    assert cut.code == "picture_unreadable"


@ON_ONE_DATABASE
def test_an_expensive_picture_in_a_batch_fails_alone(
    rt: Runtime, settings: Settings, api_source: SourceRef
) -> None:
    rt.settings = settings.model_copy(update=IMPATIENT)
    good = [send(rt, api_source, picture("red", seed=seed)) for seed in range(3)]
    bad = send(rt, api_source, many_scans(*EXPENSIVE))
    assert classify.step(rt) == 4
    with rt.database.read() as session:
        assert [session.get_one(Prediction, one).status for one in good] == ["done"] * 3
        failed = session.get_one(Prediction, bad)
    assert (failed.status, failed.error_code) == ("failed", "picture_too_expensive")
    assert "0.1 s of computing time" in str(failed.error)
    assert failed.strikes == 0, "the worker is still there"


@ON_ONE_DATABASE
def test_an_expensive_example_is_refused(settings: Settings) -> None:
    impatient = settings.model_copy(update=IMPATIENT)
    with pytest.raises(ColabelError) as caught:
        pictures.verify(many_scans(*EXPENSIVE), impatient)
    assert caught.value.code == "picture_too_expensive"


def test_a_picture_waits_while_no_decoder_can_be_started(
    rt: Runtime, api_source: SourceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = send(rt, api_source, picture("red"))
    broken = Pool(Limits(1, 10**9), 1, ["no_such_module"])
    monkeypatch.setattr(decoding, "pool", lambda settings: broken)
    with pytest.raises(Unavailable):
        classify.step(rt)
    with rt.database.read() as session:
        row = session.get_one(Prediction, waiting)
    assert (row.status, row.strikes, row.suspect) == ("queued", 0, 0)
    assert row.lease_token is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux limits memory")
def test_a_large_picture_has_enough_memory_with_every_kind_of_pixel() -> None:
    """The limit follows from COLABEL_MAX_PIXELS; the largest pictures that are taken fit in it."""
    settings = Settings(secret_key="tests", max_pixels=10_000_000)
    for mode, kind in (("RGBA", "PNG"), ("I;16", "PNG"), ("F", "TIFF"), ("P", "GIF")):
        out = io.BytesIO()
        options = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
        Image.new(mode, (5_000, 2_000)).save(out, kind, **options)
        pictures.verify(out.getvalue(), settings)
        assert load(out.getvalue(), 8, settings).shape == (8, 8, 3)
