"""Orientations: combined as transforms, and told by labels."""

from __future__ import annotations

import pytest
from PIL import Image
from turning import TURNS, noise

from connector.actions.orientation import Tag, degrees_to_upright, turned
from connector.actions.rotated import TRANSPOSE
from connector.errors import ActionFailed


@pytest.mark.parametrize("tag", list(Tag))
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_combined_transforms_show_the_same_as_one_after_the_other(tag, degrees):
    image = noise((5, 3))
    first = image if tag == 1 else image.transpose(TRANSPOSE[tag])
    expected = first.transpose(TRANSPOSE[TURNS[degrees]])
    both = turned(tag, degrees)
    found = image if both == 1 else image.transpose(TRANSPOSE[both])
    assert (found.size, found.tobytes()) == (expected.size, expected.tobytes())


@pytest.mark.parametrize(
    ("label", "turn"),
    [
        ("upright", Tag.UPRIGHT),
        ("left", Tag.ROTATE_90),
        ("Right", Tag.ROTATE_270),
        ("upside-down", Tag.ROTATE_180),
    ],
)
def test_a_label_says_where_the_top_points(label, turn):
    upright = Image.new("L", (3, 3))
    upright.putpixel((1, 0), 255)
    marked = {"upright": (1, 0), "left": (0, 1), "Right": (2, 1), "upside-down": (1, 2)}[label]
    lying = Image.new("L", (3, 3))
    lying.putpixel(marked, 255)
    assert turned(1, degrees_to_upright(label)) == turn
    risen = lying if turn == 1 else lying.transpose(TRANSPOSE[turn])
    assert risen.tobytes() == upright.tobytes()


def test_another_label_is_no_orientation():
    with pytest.raises(ActionFailed, match="names no orientation"):
        degrees_to_upright("invoice")
