import numpy as np
import pytest
from copies import CHANGES, ORIGINALS, drawn
from PIL import Image

from connector.domain.looks import KEY_BYTES, MOST_APART, THUMBNAIL_BYTES, bits_apart
from models.duplicates import THUMBNAIL, thumbnail
from models.look import BITS, look


def key(picture: Image.Image) -> bytes:
    return look(thumbnail(np.asarray(picture)))


def test_the_web_process_knows_the_sizes() -> None:
    assert len(key(ORIGINALS[0])) == KEY_BYTES == BITS // 8
    assert THUMBNAIL_BYTES == THUMBNAIL**2


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_a_few_bits_away(change: str) -> None:
    assert all(bits_apart(key(p), key(CHANGES[change](p))) <= MOST_APART for p in ORIGINALS)


def test_distinct_pictures_are_far_apart() -> None:
    keys = [key(drawn(seed)) for seed in range(60)]
    apart = [bits_apart(a, b) for i, a in enumerate(keys) for b in keys[:i]]
    assert min(apart) > 2 * MOST_APART


def test_a_picture_that_shows_nothing_has_no_key() -> None:
    assert key(Image.new("RGB", (60, 80), (250,) * 3)) == b""


def test_keys_stay_the_same_for_ever() -> None:
    ramp = np.add.outer(np.arange(32), 7 * np.arange(32)).astype(np.uint8)
    assert look(ramp).hex()[:16] == "b35bf88500639d51"
