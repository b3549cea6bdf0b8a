from dataclasses import replace

import numpy as np
import pytest
import torch
from albums import album

from models.pretrain.pictures import Library, Shelf, gather
from models.pretrain.views import GENTLE, STRONG, Views, whole


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("albums")
    return gather([album(folder / "small", 60), album(folder / "large", 20, side=160)])


def test_a_batch_is_the_same_whenever_it_is_asked_for(library: Library) -> None:
    first, second = Views(library, 32, seed=3), Views(library, 32, seed=3)
    asked = second.batch(7, 64, STRONG)
    first.batch(0, 64, STRONG)
    again = first.batch(7, 64, STRONG)
    assert torch.equal(asked.pictures, again.pictures)
    assert torch.equal(asked.targets, again.targets)
    assert torch.equal(asked.turns, again.turns)
    assert not torch.equal(asked.pictures, Views(library, 32, seed=4).batch(7, 64, STRONG).pictures)


def marked(count: int) -> Library:
    """Pictures that tell by their colour which they are."""
    pictures = np.zeros((count, 64, 64, 3), np.uint8)
    pictures[:] = np.arange(count)[:, None, None, None]
    targets = np.arange(count, dtype=np.int64)
    names = tuple(str(n) for n in range(count))
    return Library(names, (Shelf(pictures, targets, targets % 10 == 9),), 0, 0)


def test_a_pass_shows_each_picture_once_and_none_that_is_held_out() -> None:
    views = Views(marked(100), 30, seed=0)
    assert views.per_pass == 3
    batches = [views.batch(n, 64, GENTLE) for n in range(6)]
    for first in (0, 3):
        seen = torch.cat([batch.targets for batch in batches[first : first + 3]]).tolist()
        assert len(seen) == len(set(seen)) == 90
        assert not any(n % 10 == 9 for n in seen)
    assert not torch.equal(batches[0].targets, batches[3].targets)
    for batch in batches:
        shown = (batch.pictures.mean((1, 2, 3)) * 255).round().long()
        assert torch.equal(shown, batch.targets)


def test_crops_have_the_side_that_is_asked_for_and_stay_pictures(library: Library) -> None:
    for side, strength in ((48, STRONG), (96, GENTLE)):
        batch = Views(library, 64, seed=0).batch(0, side, strength)
        assert batch.pictures.shape == (64, 3, side, side)
        assert float(batch.pictures.min()) >= 0
        assert float(batch.pictures.max()) <= 1


def test_a_quarter_is_turned_and_the_others_stand_as_they_were() -> None:
    plain = marked(240)
    ramp = np.linspace(200, 0, 64).astype(np.uint8)[:, None, None]
    (shelf,) = plain.shelves
    bright_above = replace(shelf, pictures=np.broadcast_to(ramp, (240, 64, 64, 3)).copy())
    batch = Views(replace(plain, shelves=(bright_above,)), 120, seed=0).batch(0, 64, GENTLE)
    assert torch.bincount(batch.turns, minlength=4).tolist() == [90, 10, 10, 10]
    for one, turn in zip(batch.pictures, batch.turns.tolist(), strict=True):
        upright = torch.rot90(one, -turn, (1, 2))
        assert upright[:, :20].mean() > upright[:, -20:].mean()


def test_strong_views_vary_in_tone_and_some_are_grey(library: Library) -> None:
    batch = Views(library, 128, seed=0).batch(0, 64, STRONG)
    colour = (batch.pictures.amax(1) - batch.pictures.amin(1)).mean((1, 2))
    assert 0 < int((colour < 1e-3).sum()) < 40
    assert float(batch.pictures.mean((1, 2, 3)).std()) > 0.05


def test_whole_pictures_are_resized_and_nothing_else(library: Library) -> None:
    shelf = library.shelves[1]
    shown = whole(shelf, np.array([0, 3]), 128)
    expected = torch.from_numpy(shelf.pictures[[0, 3]]).permute(0, 3, 1, 2) / 255
    assert torch.allclose(shown, expected, atol=1e-6)
    assert whole(shelf, np.array([1]), 96).shape == (1, 3, 96, 96)
