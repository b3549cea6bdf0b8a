"""Surgery on ONNX graphs: preprocessing in front of a backbone, a head behind it. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from models.errors import ModelError

OPSET = 18
IR_VERSION = 10
PICTURES = "pictures"
EMBEDDINGS = "embeddings"
PROBABILITIES = "probabilities"


def with_preprocessing(
    network: onnx.ModelProto,
    *,
    size: int,
    dim: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> onnx.ModelProto:
    """Put the preparation of pictures in front of a network.

    `network` takes float32 [N, 3, size, size] and gives float32 [N, dim]; the result takes uint8
    [N, H, W, 3] of any H and W. The resize works on bytes and leaves out what is outside the
    picture, because then it follows Pillow's BILINEAR to one grey level; at H = W = size it copies.
    """
    # Whatever the network calls its own values, they must not meet the names given here.
    network = compose.add_prefix(network, "net_")
    old_input, old_output = network.graph.input[0].name, network.graph.output[0].name
    nodes = [
        helper.make_node("Transpose", [PICTURES], ["prep_planes"], perm=[0, 3, 1, 2]),
        # Four sizes: with `axes`, ONNX Runtime's transpose optimizer breaks the graph.
        helper.make_node("Shape", [PICTURES], ["prep_count"], start=0, end=1),
        helper.make_node("Concat", ["prep_count", "prep_target"], ["prep_sizes"], axis=0),
        helper.make_node(
            "Resize",
            ["prep_planes", "", "", "prep_sizes"],
            ["prep_square"],
            mode="linear",
            antialias=1,
            exclude_outside=1,
        ),
        helper.make_node("Cast", ["prep_square"], ["prep_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["prep_float", "prep_scale"], ["prep_scaled"]),
        helper.make_node("Add", ["prep_scaled", "prep_shift"], [old_input]),
    ]
    deviation = np.array(std, np.float64)
    constants: dict[str, npt.NDArray[np.generic]] = {
        "prep_target": np.array([3, size, size], np.int64),
        "prep_scale": (1 / (255 * deviation)).astype(np.float32).reshape(1, 3, 1, 1),
        "prep_shift": (-np.array(mean) / deviation).astype(np.float32).reshape(1, 3, 1, 1),
    }
    name_end = helper.make_node("Identity", [old_output], [EMBEDDINGS])
    return _assemble(network, [*nodes, *network.graph.node, name_end], constants, EMBEDDINGS, dim)


def with_head(
    backbone: onnx.ModelProto,
    weights: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
) -> onnx.ModelProto:
    """Put softmax(embeddings @ weights + bias) behind a backbone: weights [D, K], bias [K]."""
    nodes = [
        helper.make_node("Gemm", [EMBEDDINGS, "head_weights", "head_bias"], ["head_logits"]),
        helper.make_node("Softmax", ["head_logits"], [PROBABILITIES], axis=-1),
    ]
    constants: dict[str, npt.NDArray[np.generic]] = {
        "head_weights": np.ascontiguousarray(weights, np.float32),
        "head_bias": np.ascontiguousarray(bias, np.float32),
    }
    return _assemble(
        backbone, [*backbone.graph.node, *nodes], constants, PROBABILITIES, weights.shape[1]
    )


def set_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> None:
    """Replace the model's `metadata_props`."""
    del model.metadata_props[:]
    helper.set_model_props(model, dict(metadata))


def parse(data: bytes) -> onnx.ModelProto:
    """Read a model; ModelError when the bytes are none."""
    try:
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:
        # protobuf and the checker raise types of their own that share no base class.
        raise ModelError(f"This is not a usable ONNX model: {str(error)[:200]}") from error
    return model


def _assemble(
    base: onnx.ModelProto,
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, npt.NDArray[np.generic]],
    output: str,
    width: int,
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes,
        "colabel",
        [helper.make_tensor_value_info(PICTURES, TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", width])],
        [*base.graph.initializer, *initializers],
    )
    model = helper.make_model(
        graph, opset_imports=base.opset_import, ir_version=IR_VERSION, producer_name="colabel"
    )
    model.functions.extend(base.functions)
    onnx.checker.check_model(model)
    return model
