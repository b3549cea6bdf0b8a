import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import ModelError
from models.signature import FORMAT, Card


def card(**changes: Any) -> Card:
    values: dict[str, Any] = {
        "labels": ("left", "правый"),
        "input_size": 224,
        "embedding_dim": 1280,
        "backbone": "mobilenet_v2",
        "weights": "pretrained",
        "weights_source": "a file",
        "backbone_sha": "ab" * 32,
        "temperature": 1.5,
        "thresholds": {"left": 0.8},
        "torch_onnx_max_difference": 1e-5,
        "trained_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Card(**(values | changes))


def test_round_trip_through_json_and_metadata() -> None:
    assert Card.from_json(card().to_json()) == card()
    metadata = card().metadata()
    assert json.loads(metadata["labels"]) == ["left", "правый"]
    assert Card.from_metadata(metadata) == card()


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ("a",)},
        {"labels": ("a", "a")},
        {"thresholds": {"elsewhere": 0.5}},
        {"thresholds": {"left": 1.5}},
        {"backbone_sha": "short"},
        {"trained_at": datetime(2026, 1, 2)},
        {"temperature": 0},
    ],
)
def test_a_card_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        card(**changes)


def test_later_additions_are_ignored_but_a_later_format_is_refused() -> None:
    text = json.loads(card().to_json())
    assert Card.from_json(json.dumps(text | {"news": 1})) == card()
    with pytest.raises(ModelError, match="upgrade colabel") as caught:
        Card.from_json(json.dumps(text | {"format": FORMAT + 1}))
    assert caught.value.code == "format_too_new"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_other_texts_are_no_cards(text: str) -> None:
    with pytest.raises(ModelError, match="not a model card"):
        Card.from_json(text)


def test_a_foreign_onnx_file_is_named_as_such() -> None:
    with pytest.raises(ModelError, match="no colabel card"):
        Card.from_metadata({"labels": "[]"})
