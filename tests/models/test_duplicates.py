import numpy as np
import pytest
from copies import CHANGES, ORIGINALS, drawn, saved
from PIL import Image

from models.duplicates import THUMBNAIL, near_duplicates, thumbnail, twins
from models.errors import ModelError


def thumbs(pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([thumbnail(np.asarray(picture)) for picture in pictures])


def embedded(pictures: list[Image.Image]) -> np.ndarray:
    """A stand-in for a backbone: coarse colours, which all of these changes move."""
    return np.stack([np.asarray(p.resize((6, 6))).reshape(-1) for p in pictures]).astype(float)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_distinct_pictures_are_not(change: str) -> None:
    pictures = [*ORIGINALS, *[CHANGES[change](p) for p in ORIGINALS[:8]]]
    groups = near_duplicates(embedded(pictures), thumbs(pictures))
    assert groups[:20].tolist() == list(range(20))
    assert groups[20:].tolist() == list(range(8))


def test_pictures_of_one_place_that_share_only_the_light_are_distinct() -> None:
    light = np.linspace(20, 200, 240)[None, :, None] * np.ones((180, 1, 3))
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(12):
        grain = Image.fromarray(random.integers(0, 256, (20, 20)).astype(np.uint8))
        fine = np.asarray(grain.resize((240, 180), Image.Resampling.BICUBIC), np.float32) - 128
        pixels = np.clip(light + 0.15 * fine[:, :, None], 0, 255).astype(np.uint8)
        pictures.append(Image.fromarray(pixels))
    assert len(set(near_duplicates(embedded(pictures), thumbs(pictures)).tolist())) == 12


def test_blank_pages_are_not_taken_for_copies_of_each_other() -> None:
    pages = [Image.new("RGB", (60, 80), (level,) * 3) for level in (250, 252, 255)]
    assert near_duplicates(embedded(pages), thumbs(pages)).tolist() == [0, 1, 2]


def test_without_thumbnails_only_exact_copies_are_found() -> None:
    random = np.random.default_rng(0)
    rows = np.abs(random.normal(size=(50, 300)))
    copies = rows[:5] * 1.001
    alike = rows[5:10] + 0.3 * np.abs(random.normal(size=(5, 300)))
    groups = near_duplicates(np.concatenate([rows, copies, alike]))
    assert groups[50:55].tolist() == list(range(5))
    assert len(set(groups.tolist())) == 55


def test_a_chain_is_one_group() -> None:
    chain = [ORIGINALS[0]]
    for quality in (70, 50, 40):
        chain.append(saved(chain[-1], quality))
    pictures = [ORIGINALS[1], *chain, ORIGINALS[2]]
    assert near_duplicates(embedded(pictures), thumbs(pictures)).tolist() == [0, 1, 1, 1, 1, 2]


def test_twins_of_a_new_picture() -> None:
    new = CHANGES["half the size"](ORIGINALS[3])
    rows, small = embedded(ORIGINALS), thumbs(ORIGINALS)
    assert twins(embedded([new])[0], thumbs([new])[0], rows, small).tolist() == [3]
    assert twins(rows[4], None, rows, small).tolist() == [4]
    stranger = drawn(99)
    assert twins(embedded([stranger])[0], thumbs([stranger])[0], rows, small).tolist() == []
    assert twins(rows[0], None, rows[:0], None).tolist() == []


def test_few_or_no_pictures() -> None:
    assert near_duplicates(np.empty((0, 4))).tolist() == []
    assert near_duplicates(np.ones((1, 4))).tolist() == [0]
    assert thumbnail(np.zeros((1, 1, 3), np.uint8)).shape == (THUMBNAIL, THUMBNAIL)


def test_thumbnails_of_another_size_are_refused() -> None:
    with pytest.raises(ModelError, match="thumbnail"):
        near_duplicates(np.ones((3, 4)), np.zeros((3, 8, 8), np.uint8))
