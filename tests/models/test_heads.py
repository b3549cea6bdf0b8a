import io

import numpy as np
import pytest

from models.errors import ModelError
from models.heads import Head

HEAD = Head(("a", "b"), np.array([[1.0, -1.0], [0.5, 0.0]]), np.array([0.1, -0.1]), 2.0)


def test_probabilities_are_the_softmax_of_the_tempered_logits() -> None:
    rows = np.array([[1.0, 2.0], [-3.0, 0.0]], np.float32)
    logits = (rows @ HEAD.weights + HEAD.bias) / 2
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(HEAD.predict(rows), expected)


def test_extreme_logits_stay_numbers() -> None:
    probabilities = HEAD.predict(np.array([[1e6, 0.0], [-1e6, 0.0]]))
    assert np.allclose(probabilities, [[1, 0], [0, 1]])


def test_a_head_survives_its_file() -> None:
    head = Head(("左", "b"), HEAD.weights, HEAD.bias, 0.7)
    copy = Head.from_bytes(head.to_bytes())
    assert copy.labels == head.labels
    assert copy.temperature == head.temperature
    assert np.array_equal(copy.weights, head.weights)
    assert np.array_equal(copy.bias, head.bias)


def test_other_files_and_pickles_are_refused() -> None:
    file = io.BytesIO()
    np.savez(file, labels=np.array([{"an": "object"}], dtype=object))
    for data in (b"", b"nonsense", HEAD.to_bytes()[:50], file.getvalue()):
        with pytest.raises(ModelError, match="not a head file"):
            Head.from_bytes(data)


def test_embeddings_of_another_backbone_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        HEAD.predict(np.zeros((1, 3)))
    assert caught.value.code == "other_backbone"
