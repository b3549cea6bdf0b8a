import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp
from torch import nn

from models import backbone, export
from models.colabel_small import ColabelSmall
from models.embed import Embedder
from models.recognition import RECOGNITION, recognising, recognition_of


class Linear(nn.Module):
    """Pools, then classifies, as most networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 6, 3)
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 10))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.features(pictures).mean((2, 3)))
        return logits


class Convolved(nn.Module):
    """Classifies, then pools, as SqueezeNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 6, 3)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(6, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.flatten(self.classifier(self.features(pictures)), 1)


def in_short(logits: np.ndarray) -> np.ndarray:
    """By hand: [classes] -> largest, log-sum-exp, minus entropy, deviation."""
    logarithms = log_softmax(logits)
    minus_entropy = (np.exp(logarithms) * logarithms).sum()
    return np.array([logits.max(), logsumexp(logits), minus_entropy, logits.std()])


@pytest.mark.parametrize("kind", [Linear, Convolved])
@torch.inference_mode()
def test_what_the_classifier_says_comes_before_what_it_is_given(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network = kind().eval()
    pictures = 3 * torch.randn(5, 3, 16, 16)
    logits = network(pictures).numpy()
    pooled = network.features(pictures).mean((2, 3)).numpy()
    made = recognising(network)(pictures).numpy()
    expected = np.stack([in_short(row) for row in logits.astype(np.float64)])
    assert made.shape == (5, RECOGNITION + 6)
    assert np.allclose(made[:, :RECOGNITION], expected, atol=1e-5)
    assert np.allclose(made[:, RECOGNITION:], pooled, atol=1e-6)


def test_a_torchvision_network_keeps_its_features_and_the_file_says_where_they_begin(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    network = backbone.bare("squeezenet1_1")
    torch.save(network.state_dict(), folder / "squeezenet1_1.pth")
    source = backbone.find("squeezenet1_1", folder)
    plain, made = backbone.build(source), backbone.build(source, recognition=True)
    assert (plain.recognition, made.recognition) == (0, RECOGNITION)
    assert made.dim == plain.dim + RECOGNITION
    pictures = torch.randn(2, 3, made.input_size, made.input_size)
    with torch.inference_mode():
        both = made.module(pictures)[:, RECOGNITION:], plain.module(pictures)
    assert torch.allclose(*both, atol=1e-5)
    card = Embedder(export.backbone_onnx(made), threads=1).card
    assert (card.recognition, card.turns, card.views) == (RECOGNITION, 1, 1)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "resnet18", "googlenet", "convnext_tiny", "vit_b_16", "swin_t"]
)
def test_every_family_can_be_asked(name: str) -> None:
    with torch.device("meta"):
        plain = backbone.with_texture(backbone.headless(backbone.bare(name)), 224)
        asked = backbone.with_texture(recognising(backbone.bare(name)), 224)
        lengths = [backbone.embedding_dim(module, 224) for module in (plain, asked)]
    assert lengths[1] == lengths[0] + RECOGNITION
    assert not asked.training
    assert not any(parameter.requires_grad for parameter in asked.parameters())


@torch.inference_mode()
def test_the_network_in_the_box_says_too_how_a_picture_lies() -> None:
    network = ColabelSmall(10).eval()
    pictures = torch.rand(3, 3, 96, 96)
    pooled = network.pooled(pictures)
    lying = network.turned(pooled).log_softmax(1)
    named = network.classifier(pooled)
    made = recognising(network)(pictures)
    assert recognition_of(network) == RECOGNITION + 4
    assert torch.allclose(made[:, 0], named.amax(1), atol=1e-5)
    assert torch.allclose(made[:, RECOGNITION : RECOGNITION + 4], lying, atol=1e-5)
    assert torch.allclose(made[:, RECOGNITION + 4 :], pooled, atol=1e-6)
