import hashlib
import logging
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from models import embed
from models.embed import Embedder
from models.errors import ModelError

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def pictures(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def by_hand(batch: np.ndarray) -> np.ndarray:
    normal = (batch / 255 - MEAN) / STD
    grid = normal.reshape(len(batch), 4, 8, 4, 8, 3).mean((2, 4))
    return grid.transpose(0, 3, 1, 2).reshape(len(batch), 48)


def test_embeddings_are_the_networks_answer_to_the_normalised_picture(tiny_backbone: bytes) -> None:
    batch = pictures(5)
    assert np.allclose(Embedder(tiny_backbone).embed(batch), by_hand(batch), atol=1e-5)


def test_a_large_batch_is_cut_and_put_together_again(tiny_backbone: bytes) -> None:
    batch = pictures(75)
    embedder = Embedder(tiny_backbone, threads=1)
    result = embedder.embed(batch)
    assert result.dtype == np.float32
    assert np.allclose(result, by_hand(batch), atol=1e-5)
    assert embedder.embed(batch[:0]).shape == (0, 48)


def test_an_embedder_knows_its_file(tiny_backbone: bytes, tmp_path: Path) -> None:
    path = tmp_path / "backbone.onnx"
    path.write_bytes(tiny_backbone)
    embedder = Embedder(path)
    assert (embedder.size, embedder.dim) == (32, 48)
    assert embedder.sha256 == hashlib.sha256(tiny_backbone).hexdigest()
    assert embedder.card.name == "grid"


def test_other_arrays_are_refused(tiny_backbone: bytes) -> None:
    embedder = Embedder(tiny_backbone)
    for wrong in (pictures(1)[0], pictures(1).astype(np.float32), pictures(1)[..., :1]):
        with pytest.raises(ModelError, match="uint8"):
            embedder.embed(wrong)


def test_other_files_are_refused(tiny_backbone: bytes) -> None:
    with pytest.raises(ModelError, match="cannot use this model"):
        Embedder(b"no model").embed(pictures(1))
    foreign = onnx.load_from_string(tiny_backbone)
    del foreign.metadata_props[:]
    with pytest.raises(ModelError, match="not a colabel backbone"):
        _ = Embedder(foreign.SerializeToString()).size


def _first_value(embedder: Embedder) -> float:
    return float(embedder.embed(pictures(1))[0, 0])


def test_an_embedder_made_before_a_fork_works_in_the_child(tiny_backbone: bytes) -> None:
    embedder = Embedder(tiny_backbone, threads=1)
    assert embedder._opened is None, "nothing is opened before it is needed"
    before = embedder.session
    embedder._opened = (os.getpid() + 1, before)
    assert _first_value(embedder) == pytest.approx(by_hand(pictures(1))[0, 0], abs=1e-5)
    assert embedder.session is not before, "another process opens its own session"


def test_a_gpu_that_does_not_work_is_named_and_done_without(
    tiny_backbone: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Says that a device is there where none is (or hides the one that is there from the driver).
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "99")
    monkeypatch.setattr(embed, "gpu_present", lambda: True)
    embedder = Embedder(tiny_backbone)
    with caplog.at_level(logging.WARNING, "models.embed"):
        result = embedder.embed(pictures(2))
    assert np.allclose(result, by_hand(pictures(2)), atol=1e-4)
    if embedder.device == "cpu" and embed.CUDA in embed.ort.get_available_providers():
        assert "classifying on the CPU" in caplog.text


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_no_gpu(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not embed.gpu_present()
