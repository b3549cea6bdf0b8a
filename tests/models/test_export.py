import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import nn

from models import export, orientation
from models.backbone import Backbone
from models.embed import Embedder
from models.errors import ModelError
from models.heads import Head
from models.preprocess import load
from models.signature import Card

SCRIPT = Path(__file__).parents[2] / "docs" / "run_onnx.py"
SIZE = 64
LABELS = ("one", "zwei", "три")


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2)
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(pictures).mean((2, 3))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Backbone("small", Network().eval(), SIZE, mean, std, 16, "scratch", "made in the tests")


@pytest.fixture(scope="module")
def exported(backbone: Backbone) -> bytes:
    return export.backbone_onnx(backbone)


def head() -> Head:
    rng = np.random.default_rng(0)
    return Head(LABELS, 6 * rng.normal(size=(16, 3)), rng.normal(size=3), 1.7)


def card(exported: bytes, labels: tuple[str, ...] = LABELS) -> Card:
    return Card(
        labels=labels,
        input_size=SIZE,
        embedding_dim=16,
        backbone="small",
        weights="scratch",
        weights_source="made in the tests",
        backbone_sha=Embedder(exported).sha256,
        temperature=1.7,
        torch_onnx_max_difference=0.0,
        trained_at=datetime.now(UTC),
    )


def photo(width: int, height: int, orientation: int = 1) -> bytes:
    image = Image.effect_noise((width, height), 60).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 8, height // 8, width // 2, height // 2), fill=(200, 30, 60))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, exif=exif)
    return file.getvalue()


def test_torch_and_onnx_agree_and_the_file_says_how_well(
    backbone: Backbone, exported: bytes
) -> None:
    about = Embedder(exported).card
    assert about.torch_onnx_max_difference is not None
    assert about.torch_onnx_max_difference < 1e-4
    assert (about.name, about.input_size, about.embedding_dim) == ("small", SIZE, 16)
    pictures = np.random.default_rng(3).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    assert export.agreement(backbone, exported, pictures) < 1e-4


def test_a_disagreement_is_not_let_through(backbone: Backbone, exported: bytes) -> None:
    other = Backbone(**{**vars(backbone), "mean": (0.4, 0.4, 0.4)})
    pictures = np.full((1, SIZE, SIZE, 3), 200, np.uint8)
    with pytest.raises(ModelError) as caught:
        export.agreement(other, exported, pictures)
    assert caught.value.code == "export_differs"


def test_the_file_names_no_folder_of_the_machine(exported: bytes) -> None:
    model = onnx.load_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert str(Path(__file__).parents[2]).encode() not in exported
    assert b"site-packages" not in exported


@pytest.mark.parametrize(
    "data", [photo(300, 200), photo(64, 64), photo(1200, 900, 6), photo(40, 90, 5)]
)
def test_the_portable_file_answers_full_pictures_like_the_service(
    exported: bytes, data: bytes, tmp_path: Path
) -> None:
    whole = export.portable(exported, head(), card(exported))
    session = ort.InferenceSession(whole, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    size = json.loads(metadata["colabel"])["input_size"]
    picture = Image.open(io.BytesIO(data))
    picture.draft("RGB", (2 * size, 2 * size))
    pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    answered = session.run(["probabilities"], {"pictures": pixels[None]})[0]
    service = head().predict(Embedder(exported).embed(load(data, size)[None]))
    assert np.abs(answered - service).max() < 1e-3
    assert Card.from_metadata(metadata).labels == LABELS


def test_the_script_in_the_docs_gives_the_services_answer(exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(export.portable(exported, head(), card(exported)))
    data = photo(800, 600, 8)
    (tmp_path / "picture.jpg").write_bytes(data)
    done = subprocess.run(
        [sys.executable, SCRIPT, "model.onnx", "picture.jpg"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answered = json.loads(done.stdout)
    service = head().predict(Embedder(exported).embed(load(data, SIZE)[None]))[0]
    assert list(answered) == list(LABELS)
    assert np.abs(np.array(list(answered.values())) - service).max() < 1e-3


def test_the_portable_file_is_checked_against_the_service(exported: bytes) -> None:
    whole = export.portable(exported, head(), card(exported))
    assert export.check_portable(whole, Embedder(exported), head(), None) < 1e-5
    other = Head(LABELS, head().weights[:, ::-1], head().bias)
    with pytest.raises(ModelError, match="differ"):
        export.check_portable(whole, Embedder(exported), other, None)


def test_labels_cannot_be_mixed_up(exported: bytes) -> None:
    with pytest.raises(ModelError, match="labels"):
        export.portable(exported, head(), card(exported, ("zwei", "one", "три")))


@pytest.mark.parametrize("plain", [False, True])
def test_a_backbone_in_four_turns_says_so_and_serves_like_any_other(
    exported: bytes, plain: bool, tmp_path: Path
) -> None:
    turning = export.in_four_turns(exported, plain=plain)
    embedder, about = Embedder(turning, threads=1), Embedder(exported).card
    assert embedder.card.name == "small × 4 turns"
    assert (embedder.card.turns, embedder.card.views) == (4, 4 if plain else 8)
    assert embedder.dim == 4 * about.embedding_dim
    assert embedder.card.torch_onnx_max_difference == about.torch_onnx_max_difference
    pictures = np.random.default_rng(5).integers(0, 256, (37, SIZE, SIZE, 3), np.uint8)
    assert embedder.embed(pictures).shape == (37, 64), "more than fit into one run"
    upright = orientation.head(np.random.default_rng(0).normal(size=16), temperature=0.3)
    whole = export.portable(
        turning, upright, card(turning, upright.labels).model_copy(update={"embedding_dim": 64})
    )
    assert export.check_portable(whole, embedder, upright, pictures[:4]) < 1e-5
    session = ort.InferenceSession(whole, providers=["CPUExecutionProvider"])
    answered = session.run(["probabilities"], {"pictures": pictures[:1]})[0]
    lying = np.rot90(pictures[:1], 1, axes=(1, 2)).copy()
    turned = session.run(["probabilities"], {"pictures": lying})[0]
    assert np.abs(np.roll(answered, 1, axis=1) - turned).max() < 1e-6


def test_what_turns_already_is_not_turned_again(exported: bytes) -> None:
    turning = export.in_four_turns(exported, plain=True)
    with pytest.raises(ModelError, match="four turns of a picture already"):
        export.in_four_turns(turning, plain=True)
    whole = export.portable(exported, head(), card(exported))
    with pytest.raises(ModelError, match="not a colabel backbone"):
        export.in_four_turns(whole, plain=True)
