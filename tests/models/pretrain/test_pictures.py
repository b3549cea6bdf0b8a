import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from albums import album, picture
from PIL import Image

from models.errors import ModelError
from models.pretrain.pictures import HELD_OUT, gather, listed


def test_folders_are_labels_and_the_same_name_is_one_label(tmp_path: Path) -> None:
    first, second = album(tmp_path / "a", 3), album(tmp_path / "b", 2, side=160)
    (first / "notes.txt").write_text("no picture")
    assert {label: len(paths) for label, paths in listed([first, second]).items()} == {
        "dots": 5,
        "lines": 5,
    }
    library = gather([first, second])
    assert library.labels == ("dots", "lines")
    # Large pictures keep more of what they show; nothing is enlarged.
    assert [shelf.pictures.shape for shelf in library.shelves] == [(6, 64, 64, 3), (4, 128, 128, 3)]
    assert [shelf.targets.tolist() for shelf in library.shelves] == [
        [0, 0, 0, 1, 1, 1],
        [0, 0, 1, 1],
    ]
    assert np.array_equal(library.shelves[0].pictures[0], np.asarray(picture("dots", 0, 64)))
    assert len(library) == 10


def test_the_same_files_are_the_same_library_anywhere(tmp_path: Path) -> None:
    first = gather([album(tmp_path / "a", 4)])
    assert gather([album(tmp_path / "b", 4)]).fingerprint == first.fingerprint
    (tmp_path / "b" / "dots" / "003.png").unlink()
    assert gather([tmp_path / "b"]).fingerprint != first.fingerprint


def test_a_fiftieth_is_held_out(tmp_path: Path) -> None:
    (shelf,) = gather([album(tmp_path / "a", HELD_OUT)]).shelves
    assert shelf.held_out.sum() == 2
    assert set(shelf.targets[shelf.held_out]) == {0, 1}


def scene(seed: int) -> Image.Image:
    """Blotches as no other seed has them."""
    drawn = np.random.default_rng(seed).integers(0, 255, (9, 9, 3), np.uint8)
    return Image.fromarray(drawn).resize((240, 240), Image.Resampling.BICUBIC)


def test_what_looks_like_a_picture_to_be_tested_on_is_left_out(tmp_path: Path) -> None:
    for seed in range(40):
        folder = tmp_path / "a" / ("even" if seed % 2 == 0 else "odd")
        folder.mkdir(parents=True, exist_ok=True)
        scene(seed).save(folder / f"{seed}.png")
    tested = tmp_path / "tested" / "any"
    tested.mkdir(parents=True)
    # A smaller and worse copy; one of which a small copy was cut to a square; and a stranger.
    scene(5).resize((90, 90)).save(tested / "one.jpg", quality=50)
    wide = Image.new("RGB", (320, 240), "grey")
    wide.paste(scene(8), (40, 0))
    wide.save(tested / "two.jpg")
    scene(1000).save(tested / "three.jpg")
    library = gather([tmp_path / "a"], [tmp_path / "tested"])
    assert library.left_out == 2
    (shelf,) = library.shelves
    assert np.bincount(shelf.targets).tolist() == [19, 19]


def test_what_cannot_be_read_is_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = album(tmp_path / "a", 3)
    (folder / "dots" / "broken.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        library = gather([folder])
    assert (library.unreadable, len(library)) == (1, 6)
    assert "broken.png" in caplog.text


def test_folders_that_cannot_be_learned_from_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be listed"):
        gather([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="one folder of pictures a label"):
        gather([tmp_path / "empty"])
    shutil.rmtree(album(tmp_path / "one", 2) / "lines")
    with pytest.raises(ModelError, match="at least two labels"):
        gather([tmp_path / "one"])
