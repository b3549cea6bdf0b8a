import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connector.actions.lossless import rotate
from connector.actions.orientation import degrees_to_upright
from models import orientation
from models.embed import Embedder
from models.errors import ModelError, NotEnoughExamples
from models.export import in_four_turns
from models.preprocess import decode, load

LABELS = orientation.LABELS
UPRIGHT = np.zeros(40, np.int64)
# Where a label says the top points to, as the turn to the left that brings it there.
PILLOW = {
    "upright": None,
    "left": Image.Transpose.ROTATE_90,
    "upside_down": Image.Transpose.ROTATE_180,
    "right": Image.Transpose.ROTATE_270,
}


def lying(turns: np.ndarray, quarters: int) -> np.ndarray:
    """Embeddings [N, 4, D] of upright pictures -> [N, 4 * D] of the same turned to the left."""
    return np.roll(turns, -quarters, axis=1).reshape(len(turns), -1)


def turns(count: int, dim: int = 6, seed: int = 0, clear: float = 1.5) -> np.ndarray:
    """Embeddings [N, 4, D] of upright pictures whose first feature is larger where up is up."""
    found = np.random.default_rng(seed).normal(size=(count, 4, dim))
    found[:, 0, 0] += clear
    return found


def landscape(seed: int, width: int = 120, height: int = 80) -> Image.Image:
    """Something light above something dark, with grain."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(rng.uniform(170, 230), rng.uniform(20, 90), height)
    grain = rng.normal(0, 12, (height, width, 3))
    return Image.fromarray((rows[:, None, None] + grain).clip(0, 255).astype(np.uint8))


def file_of(picture: Image.Image, label: str, exif: int = 1) -> bytes:
    turn = PILLOW[label]
    tags = Image.Exif()
    tags[0x0112] = exif
    out = io.BytesIO()
    turned = picture if turn is None else picture.transpose(turn)
    turned.save(out, "PNG", exif=tags)
    return out.getvalue()


@pytest.fixture(scope="module")
def turning(tiny_backbone: bytes) -> Embedder:
    return Embedder(in_four_turns(tiny_backbone, plain=True), threads=1)


@pytest.fixture(scope="module")
def fitted(turning: Embedder) -> orientation.Fit:
    """Of upright pictures only."""
    data = [load(file_of(landscape(seed), "upright"), 32) for seed in range(40)]
    return orientation.fit(turning.embed(np.stack(data)), UPRIGHT)


@pytest.mark.parametrize("label", LABELS)
def test_upright_pictures_alone_teach_it_how_others_lie(
    turning: Embedder, fitted: orientation.Fit, label: str
) -> None:
    fresh = [load(file_of(landscape(seed), label), 32) for seed in range(100, 130)]
    answered = fitted.head.predict(turning.embed(np.stack(fresh))).argmax(1)
    assert [LABELS[i] for i in answered] == [label] * 30
    assert fitted.head.labels == LABELS


def test_the_exif_tag_counts(turning: Embedder, fitted: orientation.Fit) -> None:
    # Stored lying on its left side, with a tag that says to turn it a quarter to the right.
    tagged = load(file_of(landscape(7), "left", exif=6), 32)
    assert LABELS[fitted.head.predict(turning.embed(tagged[None])).argmax()] == "upright"


@pytest.mark.parametrize("label", LABELS)
def test_the_rotate_action_stands_up_what_it_recognises(
    turning: Embedder, fitted: orientation.Fit, label: str
) -> None:
    upright = landscape(11, 128, 96)
    data = file_of(upright, label)
    answered = LABELS[fitted.head.predict(turning.embed(load(data, 32)[None])).argmax()]
    if degrees := degrees_to_upright(answered):
        data = rotate(data, degrees, max_pixels=10**6).data
    assert np.array_equal(np.asarray(decode(data)), np.asarray(upright))


@pytest.mark.parametrize("plain", [False, True])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_turning_the_input_only_moves_the_probabilities(
    tiny_backbone: bytes, plain: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    embedder = Embedder(in_four_turns(tiny_backbone, plain=plain), threads=1)
    head = orientation.head(rng.normal(size=48))
    picture = rng.integers(0, 256, (32, 32, 3), np.uint8)
    turned = np.stack([np.rot90(picture, n) for n in range(4)])
    answers = head.predict(embedder.embed(turned))
    for n in range(4):
        assert np.abs(np.roll(answers[0], n) - answers[n]).max() < 1e-6


def test_a_turned_file_of_any_shape_gives_the_same_but_for_its_resizing(
    turning: Embedder, fitted: orientation.Fit
) -> None:
    answers = [
        fitted.head.predict(turning.embed(load(file_of(landscape(3, 301, 200), label), 32)[None]))[
            0
        ]
        for label in LABELS
    ]
    for n in range(4):
        assert np.abs(np.roll(answers[0], n) - answers[n]).max() < 0.02


def test_labelled_pictures_in_any_position_teach_the_same() -> None:
    upright = turns(60)
    targets = np.arange(60) % 4
    mixed = np.stack([lying(upright[i : i + 1], n)[0] for i, n in enumerate(targets)])
    first = orientation.fit(lying(upright, 0), np.zeros(60, np.int64))
    second = orientation.fit(mixed, targets)
    assert np.allclose(first.head.weights, second.head.weights)
    assert second.head.temperature == pytest.approx(first.head.temperature)
    rolled = np.stack([np.roll(row, n) for row, n in zip(first.out_of_fold, targets, strict=True)])
    assert np.allclose(second.out_of_fold, rolled)
    assert (second.out_of_fold.argmax(1) == targets).mean() == pytest.approx(
        (first.out_of_fold.argmax(1) == 0).mean()
    )


def test_labels_may_come_in_any_order_and_spelling() -> None:
    labels = ("Right", "Upside down", "upright", "LEFT")
    plain = orientation.fit(lying(turns(40), 1), np.full(40, LABELS.index("left")))
    named = orientation.fit(lying(turns(40), 1), np.full(40, 3), labels=labels)
    fresh = lying(turns(20, seed=5), 2)
    expected = plain.head.predict(fresh)[:, [LABELS.index("right"), 2, 0, 1]]
    assert LABELS[2] == "upside_down"
    assert np.allclose(named.head.predict(fresh), expected)
    assert named.head.labels == labels


def test_the_choice_can_be_among_two() -> None:
    labels = ("upright", "upside_down")
    made = orientation.fit(lying(turns(40), 0), UPRIGHT, labels=labels)
    assert made.out_of_fold.shape == (40, 2)
    assert np.allclose(made.out_of_fold.sum(1), 1)
    assert (made.head.predict(lying(turns(200, seed=1), 2)).argmax(1) == 1).mean() > 0.75


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_examples_hardly_matters(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(60)
    embeddings, fresh = lying(turns(60, clear=2.5), 0), lying(turns(200, seed=1), 0)
    target = np.zeros(60, np.int64)
    first = orientation.fit(embeddings, target).head.predict(fresh)
    second = orientation.fit(embeddings[order], target).head.predict(fresh)
    assert (first.argmax(1) == second.argmax(1)).mean() > 0.8, "folds differ, and so may strength"


def test_duplicates_kept_together_do_not_flatter_it() -> None:
    rng = np.random.default_rng(0)
    chance = np.tile(rng.normal(size=(60, 4 * 300)), (2, 1))
    made = orientation.fit(chance, np.zeros(120, np.int64), np.tile(np.arange(60), 2))
    assert (made.out_of_fold.argmax(1) == 0).mean() < 0.5
    assert made.out_of_fold.max(1).mean() < 0.5, "and it does not believe itself"


def test_confidence_fits_unseen_pictures() -> None:
    made = orientation.fit(lying(turns(150, dim=30), 0), np.zeros(150, np.int64))
    answers = made.head.predict(lying(turns(2000, dim=30, seed=1), 3))
    right = (answers.argmax(1) == LABELS.index("right")).mean()
    assert 0.5 < right < 0.95
    assert abs(answers.max(1).mean() - right) < 0.06


def test_two_pictures_are_enough_to_begin() -> None:
    made = orientation.fit(lying(turns(2), 0), np.zeros(2, np.int64))
    assert np.isfinite(made.head.weights).all()
    assert made.out_of_fold.shape == (2, 4)
    with pytest.raises(NotEnoughExamples):
        orientation.fit(lying(turns(1), 0), np.zeros(1, np.int64))


def test_what_is_known_of_recognition_is_listened_to_from_the_start() -> None:
    few, fresh = turns(8, dim=400, clear=4), turns(300, dim=400, seed=1, clear=4)
    target = np.zeros(8, np.int64)

    def right(recognition: int) -> float:
        made = orientation.fit(lying(few, 0), target, recognition=recognition)
        return float((made.head.predict(lying(fresh, 0)).argmax(1) == 0).mean())

    assert right(1) > right(0) + 0.1


@pytest.mark.parametrize(
    "labels", [("up", "down"), ("left", "Left"), ("left",), ("left", "upright", "sideways")]
)
def test_labels_that_name_no_orientation_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match=r"orientation"):
        orientation.fit(lying(turns(8), 0), np.zeros(8, np.int64), labels=labels)
