"""The card that travels with a model: its answers, its way to look, what it was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import ModelError

FORMAT = 1
CARD_KEY = "colabel"
LABELS_KEY = "labels"
BACKBONE_KEY = "colabel.backbone"

PREPROCESSING = (
    "first frame; upright by EXIF; JPEG decoded at a reduced scale, at least twice the input size; "
    "RGB, transparent parts on white, 16 bits scaled to 8; "
    "squashed to a square with Pillow's BILINEAR (antialiased triangle filter)"
)

WeightsKind = Literal["pretrained", "scratch"]


class BackboneCard(BaseModel):
    """What an embedding model says about itself, kept in its ONNX metadata."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    weights: WeightsKind
    source: str = Field(description="Where the weights came from, in words.")
    input_size: int = Field(gt=0)
    embedding_dim: int = Field(gt=0)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    torch_onnx_max_difference: float | None = None
    views: int = Field(
        default=1, gt=0, description="How many views of each picture it embeds in a run."
    )
    turns: int = Field(
        default=1, gt=0, description="How many embeddings stand side by side, one a turn."
    )
    recognition: int = Field(
        default=0,
        ge=0,
        description="How many first values of each tell how surely it names something.",
    )


class Card(BaseModel):
    """Everything somebody who holds only the model file may need to know about it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    labels: tuple[str, ...] = Field(min_length=2)
    input_size: int = Field(gt=0, description="Side of the square picture in pixels.")
    embedding_dim: int = Field(gt=0)
    backbone: str
    weights: WeightsKind
    weights_source: str
    backbone_sha: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the backbone ONNX."
    )
    preprocessing: str = PREPROCESSING
    temperature: float = Field(gt=0)
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="Label -> confidence from which no person is asked."
    )
    strength: float | None = Field(
        None, description="Inverse strength of the penalty that the head was fitted with."
    )
    chosen_from: int | None = Field(
        None, description="How many pictures the strength was chosen by."
    )
    mirrored: bool | None = Field(
        None, description="Whether the head learned mirror images too; null if nobody asked."
    )
    torch_onnx_max_difference: float | None = Field(
        description="Largest difference between an embedding by torch and by ONNX Runtime."
    )
    trained_at: datetime

    @model_validator(mode="after")
    def _check(self) -> Card:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must differ from each other")
        if unknown := set(self.thresholds) - set(self.labels):
            raise ValueError(f"thresholds for labels that do not exist: {sorted(unknown)}")
        if any(not 0 <= value <= 1 for value in self.thresholds.values()):
            raise ValueError("a threshold is a confidence between 0 and 1")
        if self.trained_at.tzinfo is None:
            raise ValueError("trained_at needs a time zone")
        return self

    def to_json(self) -> str:
        """JSON text, the form that goes into a model file's metadata."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str | bytes) -> Card:
        """Read `to_json`'s text.

        Raises ModelError for anything else, and for a card of a later format.
        """
        try:
            card = cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the card"
            raise ModelError(f"This is not a model card: {where}: {first['msg']}.") from error
        if card.format > FORMAT:
            raise ModelError(
                f"The model is of format {card.format}, this colabel reads up to {FORMAT}; "
                "upgrade colabel to use it.",
                code="format_too_new",
            )
        return card

    def metadata(self) -> dict[str, str]:
        """The `metadata_props` of a portable ONNX file."""
        return {
            LABELS_KEY: json.dumps(list(self.labels), ensure_ascii=False),
            CARD_KEY: self.to_json(),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Card:
        """The card of a portable ONNX file; ModelError where the file is not one of ours."""
        if CARD_KEY not in metadata:
            raise ModelError("This ONNX file carries no colabel card; export it from colabel.")
        return cls.from_json(metadata[CARD_KEY])
