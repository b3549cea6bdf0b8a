import pytest
import torch

from models.augment import Augmentation, cropped


def halves(count: int) -> torch.Tensor:
    """Dark on the left, bright on the right; a red top."""
    pictures = torch.zeros(count, 3, 32, 32)
    pictures[:, :, :, 16:] = 0.8
    pictures[:, 0, :16] += 0.2
    return pictures


def varied(flips: bool, size: int = 24, seed: int = 0) -> torch.Tensor:
    return Augmentation(size, flips)(halves(200), torch.Generator().manual_seed(seed))


def test_every_picture_is_varied_and_stays_a_picture() -> None:
    made = varied(flips=True)
    assert made.shape == (200, 3, 24, 24)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    assert len(torch.unique(made.flatten(1), dim=0)) == 200


def test_the_same_dice_give_the_same() -> None:
    assert torch.equal(varied(flips=True), varied(flips=True))
    assert not torch.equal(varied(flips=True), varied(flips=True, seed=1))


@pytest.mark.parametrize("flips", [True, False])
def test_only_where_it_is_allowed_are_left_and_right_exchanged(flips: bool) -> None:
    made = varied(flips=flips).mean((1, 2))
    brighter_right = (made[:, -4:].mean(1) >= made[:, :4].mean(1)).float().mean()
    assert float(brighter_right) == 1 if not flips else 0.35 < float(brighter_right) < 0.65


def test_up_and_down_are_never_exchanged() -> None:
    made = varied(flips=True)
    red = made[:, 0] - made[:, 1]
    assert bool((red[:, :4].mean((1, 2)) >= red[:, -4:].mean((1, 2)) - 1e-6).all())


def test_crops_reach_everywhere() -> None:
    centres = (torch.arange(64) + 0.5) / 64
    across, down = torch.meshgrid(centres, centres, indexing="xy")
    pictures = torch.stack([across, down, down]).expand(300, 3, 64, 64)
    made = cropped(pictures, 32, 0.7, torch.Generator().manual_seed(0), mirrored=0.0)
    # Beyond the picture its border would be repeated: the first and last steps would be shorter.
    for lines in (made[:, 0, 0], made[:, 1, :, 0]):
        steps = lines.diff(dim=1)
        assert torch.allclose(steps, steps[:, 15:16].expand_as(steps), atol=1e-5)
        middles = (lines[:, 0] + lines[:, -1]) / 2
        assert float(middles.min()) < 0.46
        assert float(middles.max()) > 0.54
    left, right = made[:, 0, 0, 0], made[:, 0, 0, -1]
    # The outermost pixels' centres lie half a pixel of the crop within it.
    area = (right - left) * (made[:, 1, -1, 0] - made[:, 1, 0, 0]) * (32 / 31) ** 2
    assert 0.65 < float(area.min()) < 0.75
    assert float(area.max()) > 0.9
