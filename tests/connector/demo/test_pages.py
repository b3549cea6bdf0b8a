"""The demo's pages: reproducible, each different, of kinds that can be told apart."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from connector.demo.pages import KINDS, ORIENTATIONS, Page, make_page

# Clockwise turns that bring the top of a page up again.
BACK = {"upright": 0, "left": 90, "right": 270, "upside_down": 180}


def page(kind: str = "letter", orientation: str = "upright", seed: str = "1") -> Page:
    return make_page("scan", kind, orientation, seed)


def shown(one: Page) -> Image.Image:
    with Image.open(io.BytesIO(one.data)) as image:
        return ImageOps.exif_transpose(image)


def small(image: Image.Image) -> Image.Image:
    return image.convert("L").resize((31, 44))


def difference(a: Image.Image, b: Image.Image) -> float:
    return ImageStat.Stat(ImageChops.difference(small(a), small(b))).mean[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_bytes_and_another_gives_others(kind: str) -> None:
    assert page(kind).data == page(kind).data
    assert page(kind).data != page(kind, seed="2").data


def test_pages_of_a_kind_differ_from_each_other() -> None:
    for kind in KINDS:
        drawn = [page(kind, seed=str(seed)).upright for seed in range(6)]
        pairs = [(a, b) for i, a in enumerate(drawn) for b in drawn[:i]]
        assert min(difference(a, b) for a, b in pairs) > 1.0


def test_kinds_differ_in_what_is_where() -> None:
    def typical(kind: str) -> Image.Image:
        drawn = [small(page(kind, seed=str(seed)).upright) for seed in range(12)]
        mean = drawn[0]
        for number, image in enumerate(drawn[1:], 2):
            mean = Image.blend(mean, image, 1 / number)
        return ImageOps.autocontrast(mean)

    looks = {kind: typical(kind) for kind in KINDS}
    for kind in KINDS:
        for other in KINDS:
            assert kind == other or difference(looks[kind], looks[other]) > 5.0


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_file_shows_the_page_turned_as_it_says(orientation: str) -> None:
    for seed in range(12):
        one = page("invoice", orientation, str(seed))
        turned = shown(one).rotate(-BACK[orientation], expand=True)
        assert turned.size == one.upright.size
        assert difference(turned, one.upright) < 1.0


def test_there_are_formats_and_tags_as_scanners_write_them() -> None:
    found = set()
    for seed in range(40):
        one = page("form", "left", str(seed))
        with Image.open(io.BytesIO(one.data)) as image:
            found.add((image.format, image.mode, image.getexif().get(0x0112)))
            assert one.name == f"scan.{'png' if image.format == 'PNG' else 'jpg'}"
    assert {("PNG", "L", None), ("JPEG", "L", 1), ("JPEG", "RGB", None)} <= found
    assert any(orientation == 3 for _, _, orientation in found)
