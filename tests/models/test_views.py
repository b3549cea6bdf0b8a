import numpy as np
import pytest

from models import views
from models.errors import NotEnoughExamples

LABELS = ["left", "right", "other"]


def scenes(per_label: int, *, turned: bool, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Embeddings of pictures and of their mirror images, and labels.

    The first number tells which side something is on, the second what else it is. `turned`: the
    side decides between the first two labels, else the second number does.
    """
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1, 2], per_label)
    side = rng.choice([-1.0, 1.0], len(targets))
    kind = np.where(targets == 2, 8.0, np.where(targets == 0, 3.0, -3.0))
    if turned:
        side = np.where(targets == 2, side, np.where(targets == 0, 1.0, -1.0))
        kind = np.where(targets == 2, 6.0, 0.0)
    whole = np.column_stack([3 * side, kind])
    mirrored = np.column_stack([-3 * side, kind])
    noise = rng.normal(size=(2, *whole.shape))
    return whole + noise[0], mirrored + noise[1], targets


@pytest.mark.parametrize("seed", range(5))
def test_mirroring_is_refused_where_left_and_right_decide(seed: int) -> None:
    whole, mirrored, targets = scenes(15, turned=True, seed=seed)
    found = views.mirroring(whole, mirrored, targets, LABELS, 0.04)
    assert not found.allowed
    assert found.mirrored_errors > found.errors + 20
    assert "left and right seem to matter" in found.reason


@pytest.mark.parametrize("seed", range(5))
def test_mirroring_is_allowed_where_they_do_not(seed: int) -> None:
    whole, mirrored, targets = scenes(30, turned=False, seed=seed)
    found = views.mirroring(whole, mirrored, targets, LABELS, 0.04)
    assert found.allowed
    assert found.count == 90
    assert found.reason.startswith("Of 90 pictures")


def test_one_pair_of_many_labels_is_enough_to_refuse() -> None:
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(12), 10)
    whole = rng.normal(size=(120, 14)) * 0.5
    whole[np.arange(120), np.maximum(targets, 1)] += 6
    whole[:, 13] += np.where(targets == 0, 3.0, np.where(targets == 1, -3.0, 0.0))
    mirrored = whole.copy()
    mirrored[:, 13] *= -1
    found = views.mirroring(whole, mirrored, targets, [str(i) for i in range(12)], 0.2)
    assert not found.allowed
    assert "matter for 0, 1" in found.reason


def test_it_is_refused_while_too_little_is_known() -> None:
    whole, mirrored, targets = scenes(5, turned=False)
    assert "too little is known" in views.mirroring(whole, mirrored, targets, LABELS, 0.04).reason
    rng = np.random.default_rng(0)
    guessing = rng.normal(size=(60, 8))
    found = views.mirroring(guessing, guessing, np.repeat([0, 1], 30), LABELS[:2], 0.04)
    assert not found.allowed
    with pytest.raises(NotEnoughExamples):
        views.mirroring(whole[:3], mirrored[:3], targets[:3], LABELS, 0.04)


def test_views_are_what_they_say() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 50, 50, 3)).astype(np.uint8)
    assert views.viewed(pictures, "whole") is pictures
    assert np.array_equal(views.viewed(pictures, "mirror")[:, :, 0], pictures[:, :, -1])
    crop = views.viewed(pictures, "crop")
    assert np.array_equal(crop, pictures[:, 5:45, 5:45])
    assert np.array_equal(views.viewed(pictures, "crop_mirror"), crop[:, :, ::-1])
    with pytest.raises(ValueError, match="the views are"):
        views.viewed(pictures, "upside down")


def test_views_stack_into_rows_of_which_the_whole_ones_are_served() -> None:
    rng = np.random.default_rng(0)
    made = {name: rng.normal(size=(4, 3)).astype(np.float32) for name in ("crop", "whole")}
    stacked = views.stack(made, np.array([0, 1, 1, 0]))
    assert np.array_equal(stacked.embeddings, np.concatenate([made["whole"], made["crop"]]))
    assert stacked.targets.tolist() == [0, 1, 1, 0] * 2
    assert stacked.groups.tolist() == [0, 1, 2, 3] * 2
    assert stacked.served.tolist() == [True] * 4 + [False] * 4


def test_near_identical_pictures_stay_together_with_their_mirror_images() -> None:
    made = {name: np.zeros((3, 2), np.float32) for name in ("whole", "mirror")}
    assert (
        views.stack(made, np.array([0, 1, 1]), np.array([5, 7, 7])).groups.tolist() == [5, 7, 7] * 2
    )


def test_a_head_on_mirror_images_too_knows_both_and_answers_for_the_pictures() -> None:
    whole, mirrored, targets = scenes(12, turned=False)
    # Seen from one side only, the side passes for what decides.
    whole[:, 0], mirrored[:, 0] = 3 + whole[:, 1] / 2, -3 - whole[:, 1] / 2
    singles = whole.astype(np.float32), mirrored.astype(np.float32)
    alone = views.fit(singles[0], None, targets, LABELS)
    both = views.fit(*singles, targets, LABELS)
    right = {
        name: float((made.head.predict(mirrored).argmax(axis=1) == targets).mean())
        for name, made in (("alone", alone), ("both", both))
    }
    assert right["both"] > right["alone"] + 0.2
    assert both.rows.tolist() == alone.rows.tolist() == list(range(36))
    assert both.out_of_fold.shape == (36, 3)


def test_thousands_of_pictures_do_without_mirror_images() -> None:
    assert views.worth_mirroring(100)
    assert not views.worth_mirroring(10_000)


def test_views_are_kept_under_names_of_their_own() -> None:
    sha = "ab" * 32
    assert views.kept_as(sha, "whole") == sha
    names = {views.kept_as(sha, view) for view in views.VIEWS}
    assert len(names) == len(views.VIEWS)
    assert all(len(name) == 64 for name in names)
