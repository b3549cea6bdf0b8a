import hashlib
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from patches import LABELS, picture, previous_of, random_weights, samples
from PIL import Image

from models import download, fitting, scratch, split, train
from models.embed import Embedder
from models.errors import ModelError, NotEnoughExamples, WeightsMissing
from models.preprocess import load
from models.signature import Card
from models.train import Options, Progress, Sample
from models.training import STEPS


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state_dict of the smallest network; random, which is enough to tell colours apart."""
    return random_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def cache() -> dict[str, bytes]:
    return {}


def test_a_run_gives_a_model_that_answers_and_honest_scores(
    weights: Path, cache: dict[str, bytes]
) -> None:
    told: list[Progress] = []
    given = samples(30)
    bad = Sample("00" * 32, "red", lambda: b"broken")
    made = train.run(
        [*given, bad],
        LABELS,
        options=Options(weights=weights),
        progress=told.append,
        backbone_cache=cache,
    )
    assert [sha for sha, _ in made.unreadable] == ["00" * 32]
    assert made.notice is None
    assert set(made.embeddings) == {sample.sha256 for sample in given}
    held_out = [sample for sample in given if split.is_held_out(sample.sha256)]
    assert made.metrics["count"] == len(held_out) > 3
    assert made.metrics["training_count"] == len(given) - len(held_out)
    assert made.metrics["accuracy"] > 0.9
    assert set(made.record.held_out.hashes) == {sample.sha256 for sample in held_out}
    assert set(made.record.trained_on) == {s.sha256 for s in given} - set(
        made.record.held_out.hashes
    )
    assert set(made.record.tuning.hashes) == set(made.record.trained_on)
    assert json.loads(json.dumps(made.metrics)) == made.metrics
    order = [STEPS.index(step.step) for step in told]
    assert order == sorted(order)
    assert all(0 <= step.done <= step.total for step in told)

    fresh = load(picture("blue", 77), made.card.input_size)[None]
    whole, difference = train.package(made.backbone_onnx, made.head, made.card, fresh)
    assert difference < 1e-3
    session = ort.InferenceSession(whole, providers=["CPUExecutionProvider"])
    portable = session.run(None, {"pictures": fresh})[0][0]
    service = made.head.predict(Embedder(made.backbone_onnx).embed(fresh))[0]
    assert np.abs(portable - service).max() < 1e-3
    assert made.card.labels[int(portable.argmax())] == "blue"
    assert Card.from_metadata(session.get_modelmeta().custom_metadata_map) == made.card
    assert made.card.backbone_sha == hashlib.sha256(made.backbone_onnx).hexdigest()


def test_a_second_run_exports_and_embeds_nothing_anew(
    weights: Path, cache: dict[str, bytes]
) -> None:
    first = train.run(samples(8), LABELS, options=Options(weights=weights), backbone_cache=cache)
    asked: list[str] = []
    reads: list[bytes] = []

    def known(sha: str) -> dict[str, np.ndarray]:
        asked.append(sha)
        return first.embeddings

    def read(data: bytes) -> bytes:
        reads.append(data)
        return data

    steps: list[str] = []
    second = train.run(
        samples(9, read),
        LABELS,
        options=Options(weights=weights),
        progress=lambda step: steps.append(step.message),
        cached_embeddings=known,
        backbone_cache=cache,
    )
    assert asked == [first.card.backbone_sha]
    assert second.backbone_onnx == first.backbone_onnx
    assert not any("Converting" in message for message in steps)
    new = {s.sha256 for s in samples(9)} - {s.sha256 for s in samples(8)}
    assert {hashlib.sha256(data).hexdigest() for data in reads} >= new
    assert "Looking at 2 pictures" in steps
    for sha, vector in first.embeddings.items():
        assert np.array_equal(second.embeddings[sha], vector)


def test_nothing_held_out_is_trained_on(
    weights: Path, cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[np.ndarray] = []
    original = fitting.fit

    def spy(rows: np.ndarray, *args: object, **options: object) -> object:
        fitted.append(rows)
        return original(rows, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "fit", spy)
    made = train.run(samples(20), LABELS, options=Options(weights=weights), backbone_cache=cache)
    trained = {row.tobytes() for row in fitted[0]}
    sides = {sha: vector.tobytes() in trained for sha, vector in made.embeddings.items()}
    assert {sha for sha, inside in sides.items() if not inside} == {
        sha for sha in sides if split.is_held_out(sha)
    }


def test_a_few_more_pictures_are_learned_from_where_the_last_head_stood(
    weights: Path, cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(weights=weights)
    first = train.run(samples(20), LABELS, options=options, backbone_cache=cache)

    def again(*_args: object, **_options: object) -> None:
        raise AssertionError("cross-validated again")

    monkeypatch.setattr(fitting, "fit", again)
    second = train.run(
        samples(22), LABELS, options=options, backbone_cache=cache, previous=previous_of(first)
    )
    assert second.card.strength == first.card.strength
    # The tuning side stays that of the cross-validation; what was learned from is all of it.
    assert second.record.tuning.hashes == first.record.tuning.hashes
    assert set(second.record.trained_on) > set(first.record.trained_on)
    assert second.metrics["accuracy"] > 0.8
    with pytest.raises(AssertionError, match="cross-validated again"):
        train.run(
            samples(60), LABELS, options=options, backbone_cache=cache, previous=previous_of(first)
        )


def resaved(data: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((44, 44)).save(file, "WEBP", quality=95)
    return file.getvalue()


def test_copies_of_a_picture_are_never_on_both_sides(
    weights: Path, cache: dict[str, bytes]
) -> None:
    given = samples(25)
    copies = []
    for sample in given:
        data = resaved(sample.read())
        sha = hashlib.sha256(data).hexdigest()
        copies.append(Sample(sha, sample.label, lambda data=data: data))  # type: ignore[misc]
    made = train.run(
        [*given, *copies], LABELS, options=Options(weights=weights), backbone_cache=cache
    )
    aside = set(made.record.held_out.hashes)
    pairs = [(one.sha256, other.sha256) for one, other in zip(given, copies, strict=True)]
    found = {frozenset(group) for group in made.record.groups}
    recognised = [pair for pair in pairs if any(set(pair) <= group for group in found)]
    assert len(recognised) > 0.9 * len(pairs)
    assert all((one in aside) == (other in aside) for one, other in recognised)


def lying_picture(label: str, seed: int) -> bytes:
    """A bright sky above dark ground, turned so that it lies as the label says."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (48, 48, 3)).astype(np.uint8)
    pixels[: rng.integers(16, 24)] += np.uint8(150)
    turned = np.rot90(pixels, {"upright": 0, "left": 1, "upside_down": 2, "right": 3}[label])
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(turned)).save(file, "PNG")
    return file.getvalue()


def upright_samples(count: int) -> list[Sample]:
    made = []
    for i in range(count):
        data = lying_picture("upright", i)
        sha = hashlib.sha256(data).hexdigest()
        made.append(Sample(sha, "upright", lambda data=data: data))  # type: ignore[misc]
    return made


@pytest.mark.parametrize("network", ["squeezenet1_1", "colabel_small", "scratch"])
def test_upright_pictures_alone_teach_which_way_is_up(
    weights: Path,
    cache: dict[str, bytes],
    network: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if network == "scratch":
        monkeypatch.setattr(scratch, "_STEPS", 60)
    options = Options(
        recipe="orientation",
        backbone=network,
        weights=weights if network == "squeezenet1_1" else None,
        scratch_seconds=300,
    )
    made = train.run(upright_samples(30), ["upright"], options=options, backbone_cache=cache)
    assert set(made.card.labels) == {"upright", "left", "upside_down", "right"}
    assert made.metrics["accuracy"] == 1.0
    pictures = [load(lying_picture(label, 999), made.card.input_size) for label in made.card.labels]
    answers = made.head.predict(Embedder(made.backbone_onnx).embed(np.stack(pictures)))
    assert [made.card.labels[i] for i in answers.argmax(axis=1)] == list(made.card.labels)
    # Whichever way it comes in, the answer is as sure, to what resizing it rounds.
    assert np.ptp(answers.max(axis=1)) < 1e-2
    whole, difference = train.package(made.backbone_onnx, made.head, made.card, np.stack(pictures))
    assert difference < 1e-3
    session = ort.InferenceSession(whole, providers=["CPUExecutionProvider"])
    portable = session.run(None, {"pictures": np.stack(pictures)})[0]
    assert np.abs(portable - answers).max() < 1e-3


def test_without_better_weights_the_network_in_the_box_is_used_and_said_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nowhere(url: str, _folder: Path, **_options: object) -> Path:
        raise WeightsMissing(f"{url} could not be downloaded (no connection).")

    monkeypatch.setattr("models.fetch.fetch", nowhere)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    given = [*samples(30), Sample("00" * 32, "single", lambda: picture("red", 9))]
    made = train.run(given, [*LABELS, "single"], options=Options(backbone="mobilenet_v2"))
    assert made.missing is not None
    assert "network in the box" in made.missing
    assert made.notice == (
        f"{made.missing} Left out for having fewer than two readable pictures: single; "
        "add pictures and train again."
    )
    assert (made.card.backbone, made.card.weights) == ("colabel_small", "pretrained")
    assert made.card.weights_source == "in the box"
    assert made.metrics["accuracy"] > 0.9
    asked_for = train.run(samples(30), LABELS, options=Options(backbone="colabel_small"))
    assert asked_for.notice is None
    assert asked_for.card.backbone_sha == made.card.backbone_sha


def test_from_scratch_is_trained_where_somebody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_STEPS", 60)
    told: list[Progress] = []
    options = Options(backbone="scratch", scratch_seconds=300)
    made = train.run(samples(60), LABELS, options=options, progress=told.append)
    assert made.notice is not None
    assert "COLABEL_BACKBONE is scratch" in made.notice
    assert made.card.weights == "scratch"
    assert made.metrics["accuracy"] > 0.8
    assert made.metrics["threshold"]["value"] >= 0.5
    assert {step.step for step in told} >= {
        "reading",
        "training",
        "exporting",
        "embedding",
        "scoring",
    }
    fresh = load(picture("red", 5555), made.card.input_size)[None]
    probabilities = made.head.predict(Embedder(made.backbone_onnx).embed(fresh))[0]
    assert made.head.labels[int(probabilities.argmax())] == "red"


def test_a_label_without_pictures_is_left_out_and_named(
    weights: Path, cache: dict[str, bytes]
) -> None:
    lonely = Sample("12" * 32, "green", lambda: picture("red", 3))
    made = train.run(
        [*samples(6), lonely],
        ["green", *LABELS, "empty"],
        options=Options(weights=weights),
        backbone_cache=cache,
    )
    assert made.card.labels == tuple(LABELS)
    assert made.metrics["left_out"] == ["green", "empty"]
    assert made.notice is not None
    assert "green, empty" in made.notice


@pytest.mark.parametrize(
    ("given", "labels", "says"),
    [
        ([], LABELS, "'blue' has 0, 'red' has 0"),
        (samples(3)[:3], LABELS, "'red' has 0"),
        (samples(3)[:3], ["blue"], "add another label"),
        ([*samples(3)[:3], Sample("00" * 32, "red", lambda: b"x")], LABELS, "'red' has 1"),
    ],
)
def test_too_little_to_train_on_says_what_to_add(
    given: list[Sample], labels: list[str], says: str
) -> None:
    with pytest.raises(NotEnoughExamples, match=says):
        train.run(given, labels)


def test_pictures_that_turn_out_unreadable_can_leave_too_little(
    weights: Path, cache: dict[str, bytes]
) -> None:
    broken = [Sample(f"{i:064x}", "red", lambda: b"x") for i in range(5)]
    with pytest.raises(NotEnoughExamples, match="'red' has 0"):
        train.run(
            [*samples(4)[:4], *broken],
            LABELS,
            options=Options(weights=weights),
            backbone_cache=cache,
        )


def test_labels_nobody_asked_for_and_wrong_settings_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the classifier's: red"):
        train.run(samples(3), ["blue", "green"])
    with pytest.raises(ModelError, match="does not exist"):
        train.run(samples(3), LABELS, options=Options(weights=tmp_path / "no"))
    with pytest.raises(ModelError, match="no torchvision"):
        train.run(samples(3), LABELS, options=Options(backbone="nonet"))
    assert download.names()
