from pathlib import Path

import pytest
import torch

from models.checkpoint import Checkpoint, fingerprint

STATE = {"values": {"a": torch.arange(4.0)}, "done": 3, "spent": 1.5}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "run"
    Checkpoint(path, "one").save(STATE)
    loaded = Checkpoint(path, "one").load()
    assert loaded is not None
    assert torch.equal(loaded["values"]["a"], STATE["values"]["a"])  # type: ignore[index]
    assert (loaded["done"], loaded["spent"]) == (3, 1.5)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_the_state_of_another_training_is_left_alone(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "run", "one").save(STATE)
    assert Checkpoint(tmp_path / "run", "two").load() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", None])
def test_a_damaged_file_is_no_reason_to_fail(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run"
    checkpoint = Checkpoint(path, "one")
    checkpoint.save(STATE)
    path.write_bytes(path.read_bytes()[:300] if content is None else content)
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    assert checkpoint.load() is not None


def test_without_a_path_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = Checkpoint(None, "one")
    nowhere.save(STATE)
    nowhere.remove()
    assert nowhere.load() is None
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_tells_apart_what_differs() -> None:
    weights = {"a": torch.zeros(2)}
    made = {
        fingerprint(b"ab", "c", state=weights),
        fingerprint(b"a", "bc", state=weights),
        fingerprint(b"ab", "c", state={"a": torch.ones(2)}),
        fingerprint(b"ab", "c", state={"b": torch.zeros(2)}),
    }
    assert len(made) == 4
    assert fingerprint(b"ab", "c", state={"a": torch.zeros(2)}) in made
