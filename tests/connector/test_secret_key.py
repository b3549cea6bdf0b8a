"""The secret of a data folder."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connector.secret_key import secret_key
from connector.settings import load_settings


def test_it_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: secret_key(settings), range(32)))
    assert len(found) == 1
    assert len(found.pop()) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_two_folders_have_two(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (secret_key(load_settings(data_dir=tmp_path / name)) for name in ("a", "b"))
    assert first != second


def test_a_given_one_wins(tmp_path: Path) -> None:
    assert secret_key(load_settings(data_dir=tmp_path, secret_key="given")) == "given"
    assert list(tmp_path.iterdir()) == []
