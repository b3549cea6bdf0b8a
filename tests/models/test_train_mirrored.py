"""Mirror images are learned from the second training on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patches import LABELS, previous_of, random_weights, samples

from models import train, views
from models.errors import UnreadablePicture
from models.train import Options, Trained


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def cache() -> dict[str, bytes]:
    return {}


def test_the_second_head_asks_once_whether_mirror_images_teach_and_the_third_knows(
    weights: Path, cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, dict[str, np.ndarray]] = {}
    judged: list[int] = []
    original = views.mirroring

    def judge(whole: np.ndarray, *args: Any, **options: Any) -> views.Mirroring:
        judged.append(len(whole))
        return original(whole, *args, **options)

    monkeypatch.setattr(views, "mirroring", judge)

    def run(count: int, previous: Trained | None, *, mirror: bool = True) -> Trained:
        made = train.run(
            samples(count),
            LABELS,
            options=Options(weights=weights, mirror=mirror),
            backbone_cache=cache,
            cached_embeddings=lambda name: kept.get(name, {}),
            previous=previous and replace(previous_of(previous), mirrored=previous.card.mirrored),
        )
        sha = made.card.backbone_sha
        kept.setdefault(sha, {}).update(made.embeddings)
        kept.setdefault(views.kept_as(sha, "mirror"), {}).update(made.mirrored)
        return made

    first = run(20, None)
    assert (first.card.mirrored, first.mirrored, judged) == (None, {}, [])
    second = run(21, first)
    assert second.card.mirrored is True
    assert set(second.mirrored) == set(second.record.trained_on)
    third = run(22, second)
    assert third.card.mirrored is True
    assert third.card.strength == second.card.strength
    assert judged == [len(second.record.trained_on)]
    assert third.metrics["accuracy"] > 0.8
    # Somebody said meanwhile that they differ: a whole fit, and nobody asks.
    fourth = run(22, third, mirror=False)
    assert (fourth.card.mirrored, fourth.mirrored) == (None, {})
    assert judged == [len(second.record.trained_on)]


def test_a_picture_that_is_gone_stands_in_for_its_mirror_image(
    weights: Path, cache: dict[str, bytes]
) -> None:
    options = Options(weights=weights)
    first = train.run(samples(20), LABELS, options=options, backbone_cache=cache)

    def gone(_data: bytes) -> bytes:
        raise UnreadablePicture("The picture is gone.")

    second = train.run(
        samples(20, gone),
        LABELS,
        options=options,
        backbone_cache=cache,
        cached_embeddings=lambda name: first.embeddings if name == first.card.backbone_sha else {},
        cached_thumbnails=first.thumbnails,
        previous=previous_of(first),
    )
    assert second.mirrored == {}
    assert second.metrics["accuracy"] == first.metrics["accuracy"]
