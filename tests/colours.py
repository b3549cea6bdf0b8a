"""A real but tiny model for tests: it tells red, green and blue pictures apart.

The backbone is an ONNX file like any other (its embedding is the mean colour), so everything from
the claim to the decision runs as in service, in milliseconds.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
from onnx import TensorProto, helper
from PIL import Image
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, ModelVersion
from connector.domain import classifiers
from connector.storage import Blobs
from models import graph
from models.heads import Head
from models.signature import BACKBONE_KEY, BackboneCard

SIZE = 16
LABELS = ("blue", "green", "red")
RGB = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220), "grey": (90, 90, 90)}


def picture(
    colour: str, *, seed: int = 0, size: tuple[int, int] = (40, 30), kind: str = "PNG"
) -> bytes:
    """Return a picture of that colour; each seed gives other bytes."""
    # Other noise for each colour: pictures of one pattern in two colours would be near-identical.
    random = np.random.default_rng([seed, *colour.encode()])
    noise = random.integers(-20, 21, (size[1], size[0], 3))
    pixels = np.clip(np.array(RGB[colour]) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def backbone() -> bytes:
    """Return the ONNX file whose embedding is the mean colour."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    network = helper.make_model(
        helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        ),
        opset_imports=[helper.make_opsetid("", graph.OPSET)],
    )
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    model = graph.with_preprocessing(network, size=SIZE, dim=3, mean=zero, std=one)
    card = BackboneCard(
        name="colours",
        weights="pretrained",
        source="tests",
        input_size=SIZE,
        embedding_dim=3,
        mean=zero,
        std=one,
    )
    graph.set_metadata(model, {BACKBONE_KEY: card.model_dump_json()})
    return model.SerializeToString()


def head(sharpness: float = 20.0) -> Head:
    """Return the head: the strongest channel wins, the surer the sharper."""
    weights = np.zeros((3, 3))
    for column, channel in enumerate((2, 1, 0)):
        weights[channel, column] = sharpness
    return Head(LABELS, weights, np.zeros(3))


def colour_classifier(
    session: Session,
    blobs: Blobs,
    workspace_id: str,
    *,
    name: str = "colours",
    threshold: float = 0.8,
) -> Classifier:
    """Make a classifier with the colour model live as version 1."""
    classifier = classifiers.create_classifier(
        session, workspace_id, name=name, labels=list(LABELS)
    )
    add_version(session, blobs, classifier, 1, threshold=threshold)
    classifier.live_version = 1
    session.flush()
    return classifier


def add_version(
    session: Session,
    blobs: Blobs,
    classifier: Classifier,
    number: int,
    *,
    threshold: float = 0.8,
    sharpness: float = 20.0,
) -> ModelVersion:
    """Register the colour model as a version, not live yet."""
    version = ModelVersion(
        classifier_id=classifier.id,
        number=number,
        labels=list(LABELS),
        thresholds=dict.fromkeys(LABELS, threshold),
        card={"trained_at": datetime.now(UTC).isoformat()},
        metrics={"accuracy": 0.9},
        backbone_sha256=blobs.put(backbone()),
        head_sha256=blobs.put(head(sharpness).to_bytes()),
        portable_sha256=blobs.put(backbone()),
    )
    session.add(version)
    session.flush()
    return version
