"""Networks to ONNX: the backbone by torch's exporter, the portable file from its parts."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from models import graph, small_graph
from models.backbone import Backbone
from models.embed import Embedder, open_session
from models.errors import ModelError
from models.heads import Head
from models.signature import BACKBONE_KEY, BackboneCard, Card

log = logging.getLogger(__name__)

AGREEMENT = 1e-3


def backbone_onnx(backbone: Backbone, sample: npt.NDArray[np.uint8] | None = None) -> bytes:
    """The embedding model: uint8 `pictures` [N, H, W, 3] -> float32 `embeddings` [N, D].

    ONNX Runtime's answers are compared with torch's on `sample` (uint8 [N, S, S, 3]; noise without
    it) and the largest difference goes into the file's card. Raises ModelError above AGREEMENT.
    """
    network = graph.parse(_export(backbone.module, backbone.input_size))
    model = graph.with_preprocessing(
        network,
        size=backbone.input_size,
        dim=backbone.dim,
        mean=backbone.mean,
        std=backbone.std,
    )
    card = BackboneCard(
        name=backbone.name,
        weights=backbone.weights,
        source=backbone.source,
        input_size=backbone.input_size,
        embedding_dim=backbone.dim,
        mean=backbone.mean,
        std=backbone.std,
        recognition=backbone.recognition,
    )
    graph.set_metadata(model, {BACKBONE_KEY: card.model_dump_json()})
    if sample is None:
        sample = _noise(backbone.input_size)
    difference = agreement(backbone, model.SerializeToString(), sample)
    card = card.model_copy(update={"torch_onnx_max_difference": difference})
    graph.set_metadata(model, {BACKBONE_KEY: card.model_dump_json()})
    return bytes(model.SerializeToString())


def in_four_turns(backbone_bytes: bytes, *, plain: bool) -> bytes:
    """An exported backbone that embeds each picture in its four turns, side by side [N, 4 * D].

    `plain` is for a network from scratch, whose head has been trained already. Of a pretrained one
    each turn's embedding is the mean with its mirror image's (what is seen in a mirror stands as
    upright), for twice the work, and its values are compressed, because features of which few are
    large fit a linear score badly (as Perronnin et al. 2010, "Improving the Fisher kernel for
    large-scale image classification", did with a power). With 100 photos the mirror image gave
    one point of accuracy on squeezenet1_1 and three and a half on mobilenet_v2, the compression
    nearly one on both. Raises ModelError for other files.
    """
    model = graph.parse(backbone_bytes)
    card = _backbone_card(model)
    if card.turns != 1:
        raise ModelError(f"{card.name} looks at the four turns of a picture already.")
    turned = graph.in_four_turns(model, card.embedding_dim, plain=plain)
    card = card.model_copy(
        update={
            "name": f"{card.name} × 4 turns",
            "embedding_dim": 4 * card.embedding_dim,
            "turns": 4,
            "views": 4 if plain else 8,
        }
    )
    graph.set_metadata(turned, {BACKBONE_KEY: card.model_dump_json()})
    return bytes(turned.SerializeToString())


def _backbone_card(model: onnx.ModelProto) -> BackboneCard:
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if BACKBONE_KEY not in metadata:
        raise ModelError("This ONNX file is not a colabel backbone; train to make one.")
    return BackboneCard.model_validate_json(metadata[BACKBONE_KEY])


@torch.inference_mode()
def agreement(backbone: Backbone, onnx_bytes: bytes, sample: npt.NDArray[np.uint8]) -> float:
    """Largest difference between torch's and ONNX Runtime's embeddings of uint8 [N, S, S, 3].

    Raises ModelError when it exceeds AGREEMENT (of the embeddings' size, where that is above 1).
    """
    planes = torch.from_numpy(np.ascontiguousarray(sample)).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(backbone.mean).view(1, 3, 1, 1)
    std = torch.tensor(backbone.std).view(1, 3, 1, 1)
    expected = backbone.module((planes - mean) / std).numpy()
    answered = Embedder(onnx_bytes, providers=["CPUExecutionProvider"]).embed(sample)
    difference = float(np.abs(expected - answered).max())
    allowed = AGREEMENT * max(1.0, float(np.sqrt(np.square(expected).mean())))
    if not difference <= allowed:
        raise ModelError(
            f"The exported {backbone.name} differs from the original by {difference:.2g}, "
            f"more than {allowed:.2g}; choose another network with COLABEL_BACKBONE.",
            code="export_differs",
        )
    return difference


def portable(backbone_bytes: bytes, head: Head, card: Card) -> bytes:
    """ONE file: uint8 `pictures` [N, H, W, 3] -> float32 `probabilities` [N, K], in label order.

    The head's temperature is folded into its weights; labels and card are in the metadata.
    """
    if tuple(head.labels) != card.labels:
        raise ModelError("The head's labels are not the card's; make the card from the head.")
    model = graph.with_head(
        graph.parse(backbone_bytes),
        (head.weights / head.temperature).astype(np.float32),
        (head.bias / head.temperature).astype(np.float32),
    )
    graph.set_metadata(model, card.metadata())
    return bytes(model.SerializeToString())


def check_portable(
    whole: bytes, embedder: Embedder, head: Head, sample: npt.NDArray[np.uint8] | None
) -> float:
    """Largest difference of probabilities between a portable file and the service's own road.

    `sample` is uint8 [N, H, W, 3], noise without it. Raises ModelError above AGREEMENT.
    """
    if sample is None:
        sample = _noise(embedder.size)
    session = open_session(whole, providers=["CPUExecutionProvider"])
    answered = session.run(None, {graph.PICTURES: sample})[0]
    difference = float(np.abs(answered - head.predict(embedder.embed(sample))).max())
    if not difference <= AGREEMENT:
        raise ModelError(
            f"The exported file's probabilities differ from the service's by {difference:.2g}; "
            "choose another network with COLABEL_BACKBONE.",
            code="export_differs",
        )
    return difference


def _export(module: nn.Module, size: int) -> bytes:
    if (known := small_graph.drawn(module, size)) is not None:
        return known
    count = torch.export.Dim("N", min=1, max=4096)
    with warnings.catch_warnings():
        # The exporter's own housekeeping; what it makes is checked and compared right after.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 3, size, size),),
            dynamo=True,
            opset_version=graph.OPSET,
            dynamic_shapes=({0: count},),
            verbose=False,
        )
    if program is None:
        raise ModelError("torch could not export the network; choose another one.")
    model = program.model_proto
    del model.graph.value_info[:]
    for node in model.graph.node:
        # Stack traces of the exporting machine: they double the graph and name its folders.
        del node.metadata_props[:]
        node.doc_string = ""
    return bytes(model.SerializeToString())


def _noise(size: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
