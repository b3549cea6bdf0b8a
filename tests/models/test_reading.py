import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from models.preprocess import load
from models.reading import Album, Sample


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (12, 9), (value, value, value)).save(file, "PNG")
    return file.getvalue()


def sample(data: bytes, label: str = "a") -> Sample:
    return Sample(hashlib.sha256(data).hexdigest(), label, lambda: data)


def album(samples: list[Sample]) -> Album:
    return Album(samples, threads=2, load=load)


def test_all_pictures_come_in_order_and_in_parts() -> None:
    samples = [sample(picture(value)) for value in range(150)]
    chunks = list(album(samples).chunks([s.sha256 for s in samples], 4))
    assert len(chunks) > 3
    together = {sha: square for chunk in chunks for sha, square in chunk.items()}
    assert list(together) == [s.sha256 for s in samples]
    assert [int(square[0, 0, 0]) for square in together.values()] == list(range(150))


def test_what_cannot_be_read_is_kept_with_its_reason(tmp_path: Path) -> None:
    gone = Sample("ab" * 32, "b", (tmp_path / "gone.png").read_bytes)
    bad = sample(b"no picture", "b")
    good = sample(picture(7), "b")
    pictures = album([bad, gone, good])
    (chunk,) = pictures.chunks(list(pictures.samples), 4)
    assert list(chunk) == [good.sha256]
    assert "not a picture" in pictures.unreadable[bad.sha256]
    assert "No such file" in pictures.unreadable[gone.sha256]
    assert pictures.by_label(["a", "b"]) == {"a": [], "b": [good.sha256]}


def test_the_same_picture_counts_once() -> None:
    pictures = album([sample(picture(1), "a"), sample(picture(1), "b"), sample(picture(2), "b")])
    assert len(pictures) == 2
    assert [len(shas) for shas in pictures.by_label(["a", "b"]).values()] == [1, 1]


def test_a_few_for_comparing_skip_the_unreadable() -> None:
    pictures = album([sample(b"bad"), *(sample(picture(value)) for value in range(20))])
    few = pictures.sample(6, count=5)
    assert few is not None
    assert few.shape == (5, 6, 6, 3)
    assert few.dtype == np.uint8
    assert album([sample(b"bad")]).sample(6) is None
