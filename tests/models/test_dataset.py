from itertools import chain

import numpy as np
import pytest
import torch

from models.dataset import PictureSet


def made(count: int) -> PictureSet:
    pictures = np.zeros((count, 32, 32, 3), np.uint8)
    pictures[:, :16] = np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None] * 3
    return PictureSet(pictures, np.arange(count))


@pytest.mark.parametrize(("count", "size"), [(1, 8), (33, 32), (50, 8), (64, 32)])
def test_one_pass_shows_every_picture_once_with_its_target(count: int, size: int) -> None:
    data = made(count)
    seen: list[int] = []
    sizes: list[int] = []
    for pictures, targets in data.batches(size, torch.Generator().manual_seed(0), augment=False):
        values = (pictures[:, 0, 0, 0] * 255 / 3).round().long() - 1
        assert torch.equal(values, targets)
        seen += targets.tolist()
        sizes.append(len(targets))
    assert sorted(seen) == list(range(count))
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1


def test_the_order_is_the_generators() -> None:
    def order(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return [int(t) for _, ts in made(40).batches(8, generator, augment=True) for t in ts]

    assert order(1) == order(1) != order(2)


def test_augmentation_varies_a_picture_but_never_turns_it_over() -> None:
    data = PictureSet(
        np.repeat(made(1).pictures.permute(0, 2, 3, 1).numpy() * 50, 200, 0), np.zeros(200, int)
    )
    generator = torch.Generator().manual_seed(0)
    ((pictures, _),) = data.batches(200, generator, augment=True)
    assert pictures.shape == (200, 3, 32, 32)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    assert len(torch.unique(pictures.flatten(1), dim=0)) == 200
    top, bottom = pictures[:, :, :10].mean((1, 2, 3)), pictures[:, :, -10:].mean((1, 2, 3))
    assert bool((top > bottom).all())


def test_batches_by_number_are_passes_over_all_in_whatever_order_they_are_asked_for() -> None:
    data = made(21)
    first = [sorted(data.batch(number, 8, 0)[1].tolist()) for number in range(6)]
    assert sorted(chain(*first[:3])) == list(range(21))
    assert sorted(chain(*first[3:])) == list(range(21))
    assert first[:3] != first[3:]
    backwards = [sorted(data.batch(number, 8, 0)[1].tolist()) for number in range(5, -1, -1)]
    assert backwards[::-1] == first
    assert sorted(data.batch(0, 8, 1)[1].tolist()) != first[0]


def test_chunks_are_all_pictures_in_their_order() -> None:
    data = made(10)
    chunks = list(data.chunks(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert torch.equal(torch.cat(chunks), data.pictures.float() / 255)
