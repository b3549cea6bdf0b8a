"""Looks at a folder: what is read again and what is not, and settings that make no sense."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Unprocessable
from connector.inbound.folder import SUFFIXES, FolderSettings, Tree, checked

OLD_NS = 10**18


def age(*folders: Path) -> None:
    """Give folders a time long past, as when nothing has come for a while."""
    for folder in folders:
        os.utime(folder, ns=(OLD_NS, OLD_NS))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one in it, a picture in each."""
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "a.png", tmp_path / "sub" / "b.JPG", tmp_path / "c.txt"):
        path.write_bytes(b"1")
    age(tmp_path / "sub", tmp_path)
    return tmp_path


@pytest.fixture
def look(root: Path) -> Callable[..., dict[str, list[str]]]:
    """Look with one tree; return the folders that were read, with the files in them."""
    tree = Tree(FolderSettings(str(root)))

    def look(*, whole: bool = False, distrust: str | None = None) -> dict[str, list[str]]:
        if distrust is not None:
            tree.distrust(distrust)
        with tree.opened() as opened:
            assert opened.path == root
            return {one.folder: sorted(one.files) for one in tree.look(opened, whole=whole)}

    return look


def test_only_folders_that_changed_are_read_again(look: Any, root: Path) -> None:
    everything = {"": ["a.png"], "sub": ["b.JPG"]}
    assert look() == everything
    assert look() == {}
    (root / "sub" / "new.png").write_bytes(b"2")
    assert look() == {"sub": ["b.JPG", "new.png"]}
    # Its time is too young to be trusted.
    assert look() == {"sub": ["b.JPG", "new.png"]}
    age(root / "sub")
    assert look() == {"sub": ["b.JPG", "new.png"]}
    assert look() == {}
    assert look(distrust="") == {"": ["a.png"]}
    assert set(look(whole=True)) == {"", "sub"}


def test_a_folder_that_comes_and_goes(look: Any, root: Path) -> None:
    look()
    (root / "sub" / "deep").mkdir()
    (root / "sub" / "deep" / "d.png").write_bytes(b"3")
    assert look()["sub/deep"] == ["d.png"]
    (root / "sub" / "deep" / "d.png").unlink()
    (root / "sub" / "deep").rmdir()
    assert set(look()) == {"sub"}


def test_a_flat_source_stays_in_its_folder(root: Path) -> None:
    tree = Tree(FolderSettings(str(root), recursive=False))
    with tree.opened() as opened:
        assert [one.folder for one in tree.look(opened, whole=True)] == [""]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_looking_leaves_no_descriptor_open(look: Any, root: Path) -> None:
    look(whole=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        look(whole=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_is_read_below_the_root_alone(root: Path) -> None:
    (root / "out").symlink_to("/")
    tree = Tree(FolderSettings(str(root)))
    with tree.opened() as opened:
        data, before, after = opened.read("sub", "b.JPG", 100)
        assert (data, before) == (b"1", after)
        for folder, name in (("out/etc", "passwd"), ("out", "etc")):
            with pytest.raises(OSError):
                opened.read(folder, name, 100)


def test_settings_are_kept_whole() -> None:
    kept = checked({"path": "//srv//scans/", "suffixes": ["JPG", ".tar.Gz"]})
    assert kept == FolderSettings("/srv/scans", True, (".jpg", ".tar.gz"))
    assert checked(kept.as_kept()) == kept
    assert checked({"path": "/srv"}).suffixes == SUFFIXES


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"path": "relative"},
        {"path": "/a/../b"},
        {"path": "/a\nb"},
        {"path": "/a", "recursive": "yes"},
        {"path": "/a", "suffixes": []},
        {"path": "/a", "suffixes": ["a/b"]},
        {"path": "/a", "suffixes": [1]},
        {"path": "/a", "image_field": "x"},
        {"path": "/" + 2000 * "a"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as caught:
        checked(settings)
    assert caught.value.code == "bad_source_settings"
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("/in/a.png", True),
        ("/in/sub/a.png", True),
        ("/in/a.txt", False),
        ("/inside/a.png", False),
        ("/a.png", False),
    ],
)
def test_it_says_which_paths_it_covers(path: str, covered: bool) -> None:
    assert FolderSettings("/in").covers(path) is covered
