"""Fine-tuning as a job: split as a head's training is, resumable, scored on what it never saw."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from models import export, finetune, tuning, views
from models import job as jobs
from models.embed import Embedder
from models.heads import Head
from models.pretrained import Pretrained
from models.training import Options, Progress, Trained
from models.unlike import Unlike


@pytest.fixture(scope="module")
def samples() -> list[tuning.Sample]:
    pictures, targets = tiny.pictures(120, 3)
    made = []
    for picture, target in zip(pictures, targets, strict=True):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        data = file.getvalue()
        sha = hashlib.sha256(data).hexdigest()
        made.append(tuning.Sample(sha, tiny.LABELS[target], lambda data=data: data))  # type: ignore[misc]
    return made


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Let the pretrained network be a tiny one; return its export."""
    exported = export.backbone_onnx(tiny.backbone())
    found = Pretrained(exported, None)
    monkeypatch.setattr(jobs, "pretrained_backbone", lambda *_a, **_o: found)
    monkeypatch.setattr(tuning.backbone, "resolve", lambda *_a, **_o: tiny.backbone())
    settings = finetune.Settings

    def quick(**given: object) -> finetune.Settings:
        return settings(**{**given, "epochs": 3, "device": "cpu", "mixed": False})  # type: ignore[arg-type]

    monkeypatch.setattr(tuning.finetune, "Settings", quick)
    return exported


def tuned(
    samples: list[tuning.Sample], checkpoint: Path, told: list[Progress], stop: bool = False
) -> Trained:
    return tuning.tune(
        samples,
        tiny.LABELS,
        options=Options(threads=1),
        seconds=600,
        progress=told.append,
        cached_embeddings=lambda _sha: {},
        cached_thumbnails={},
        backbone_cache={},
        checkpoint=checkpoint,
        should_stop=lambda: stop,
    )


def test_a_tuned_network_is_scored_on_pictures_that_it_never_saw(
    samples: list[tuning.Sample], tiny_network: bytes, tmp_path: Path
) -> None:
    told: list[Progress] = []
    made = tuned(samples, tmp_path / "kept.pt", told)
    assert made.kind == "finetune"
    assert made.backbone_onnx != tiny_network
    record = made.record
    everything = {sample.sha256 for sample in samples}
    assert set(record.trained_on) | set(record.held_out.hashes) == everything
    assert not set(record.trained_on) & set(record.held_out.hashes)
    # What it was validated on is of the training side, and did not train the weights.
    assert set(record.tuning.hashes) < set(record.trained_on)
    assert made.metrics["count"] == len(record.held_out.hashes) > 10
    assert made.metrics["finetuning"]["validated_on"] == len(record.tuning.hashes)
    assert set(made.embeddings) == everything
    served = Embedder(made.backbone_onnx, threads=1)
    assert served.sha256 == made.card.backbone_sha
    assert made.unlike is not None
    assert Unlike.from_bytes(made.unlike).dim == served.dim
    assert any(step.remaining_seconds is not None for step in told)
    assert not (tmp_path / "kept.pt").exists()


def test_mirrored_pictures_are_trained_on_where_they_mean_the_same(
    samples: list[tuning.Sample],
    tiny_network: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[dict[str, Any]] = []
    original, judge = finetune.tune, views.mirroring

    def spy(*arguments: Any, **options: Any) -> finetune.Tuned:
        given.append(options)
        return original(*arguments, **options)

    monkeypatch.setattr(tuning.finetune, "tune", spy)
    for allowed in (True, False):
        monkeypatch.setattr(
            views, "mirroring", lambda *a, ok=allowed, **o: replace(judge(*a, **o), allowed=ok)
        )
        tuned(samples, tmp_path / "kept.pt", [])
    assert [one["settings"].flips for one in given] == [True, False]
    assert given[0]["mirrored"].shape == given[0]["vectors"].shape
    assert not np.array_equal(given[0]["mirrored"], given[0]["vectors"])
    assert given[1]["mirrored"] is None


def test_a_stopped_run_leaves_its_checkpoint_and_goes_on(
    samples: list[tuning.Sample], tiny_network: bytes, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "kept.pt"
    with pytest.raises(tuning.Stopped):
        tuned(samples, checkpoint, [], stop=True)
    made = tuned(samples, checkpoint, [])
    assert isinstance(made.head, Head)
    assert np.isfinite(made.head.weights).all()
