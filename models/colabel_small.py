"""colabel's own backbone: a small residual network for machines that can fetch no other."""

from __future__ import annotations

from torch import Tensor, nn

NAME = "colabel_small"
INPUT_SIZE = 96
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Things that the weights in the box can name, from the folders that they were trained on.
NAMED = 210
TURNS = 4
_WIDTHS, _DEPTHS, _STEM = (64, 128, 320), (1, 2, 2), 32


class ColabelSmall(nn.Module):
    """Pictures float32 [N, 3, S, S], normalised, S a multiple of 16 -> logits [N, named].

    A ResNet (He et al. 2016, "Deep residual learning") of five blocks whose shortcuts average
    before they narrow (He et al. 2019, "Bag of tricks"). Its work lies in wide layers on small
    maps, which processors do fastest. `turned` names the quarter turns to the left of a picture
    from the same pooled features; it is the last layer but one, so that `classifier` is the one
    that whoever wants features takes off.
    """

    def __init__(self, named: int = NAMED) -> None:
        super().__init__()
        layers: list[nn.Module] = [_normalised(3, _STEM, stride=2)]
        before = _STEM
        for width, depth in zip(_WIDTHS, _DEPTHS, strict=True):
            for place in range(depth):
                layers.append(Block(before, width, stride=2 if place == 0 else 1))
                before = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.turned = nn.Linear(before, TURNS)
        self.classifier = nn.Linear(before, named)

    def pooled(self, pictures: Tensor) -> Tensor:
        """What both last layers work on, float32 [N, 320]."""
        features: Tensor = self.pool(self.features(pictures))
        return features

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.pooled(pictures))
        return logits


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the map of twice the stride is half as wide."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = _normalised(before, width, stride)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        self.shortcut: nn.Module = nn.Identity()
        if before != width:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride),
                nn.Conv2d(before, width, 1, bias=False),
                nn.BatchNorm2d(width),
            )
        self.active = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        summed: Tensor = self.active(self.second(self.first(maps)) + self.shortcut(maps))
        return summed


def _normalised(before: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
