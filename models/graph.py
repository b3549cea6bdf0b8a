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


def in_four_turns(backbone: onnx.ModelProto, dim: int, *, plain: bool) -> onnx.ModelProto:
    """Let a backbone made by `with_preprocessing` look at each picture in its four turns.

    The square picture is turned by 0, 90, 180 and 270 degrees to the left, as by np.rot90, and the
    embeddings of the four, each `dim` long, stand side by side: float32 [N, 4 * dim]. All are
    pictures of one batch: the backbone runs once and its weights are there once. Unless `plain`,
    each turn's is the mean with that of the turn's mirror image, and each value x of the mean is
    compressed to sign(x) log(1 + 10 |x|). Raises ModelError for a model that is no such backbone.
    """
    model = onnx.ModelProto()
    model.CopyFrom(backbone)
    nodes = list(model.graph.node)
    first = next((i for i, node in enumerate(nodes) if list(node.output) == ["prep_square"]), None)
    if first is None or list(nodes[-1].output) != [EMBEDDINGS]:
        raise ModelError("Only a backbone that colabel exported can be turned; export it again.")
    nodes[first].output[0] = "prep_single"
    nodes[-1].output[0] = "turns_apart"
    before = _turns(mirrored=not plain)
    after = _side_by_side(compressed=not plain)
    constants: dict[str, npt.NDArray[np.generic]] = {
        "turns_start": np.array([-1], np.int64),
        "turns_end": np.array([np.iinfo(np.int64).min], np.int64),
        "turns_step": np.array([-1], np.int64),
        "turns_rows": np.array([2], np.int64),
        "turns_columns": np.array([3], np.int64),
        "turns_view": np.array([1], np.int64),
        "turns_picture": np.array([-1, *_square(model)], np.int64),
        "turns_embedding": np.array([-1, 1 if plain else 2, 4 * dim], np.int64),
        "turns_ten": np.array(10, np.float32),
        "turns_unit": np.array(1, np.float32),
    }
    nodes = [*nodes[: first + 1], *before, *nodes[first + 1 :], *after]
    return _assemble(model, nodes, constants, EMBEDDINGS, 4 * dim)


def _turns(*, mirrored: bool) -> list[onnx.NodeProto]:
    """From prep_single [N, 3, S, S] to prep_square [N * views, 3, S, S], a picture's together."""

    def flipped(source: str, axis: str, result: str) -> onnx.NodeProto:
        return helper.make_node(
            "Slice", [source, "turns_start", "turns_end", axis, "turns_step"], [result]
        )

    views = ["prep_single", "turns_90", "turns_180", "turns_270"]
    nodes = [
        helper.make_node("Transpose", ["prep_single"], ["turns_swapped"], perm=[0, 1, 3, 2]),
        flipped("turns_swapped", "turns_rows", "turns_90"),
        flipped("prep_single", "turns_rows", "turns_flipped"),
        flipped("turns_flipped", "turns_columns", "turns_180"),
        flipped("turns_swapped", "turns_columns", "turns_270"),
    ]
    if mirrored:
        nodes += [flipped(view, "turns_columns", f"{view}_mirror") for view in views]
        views += [f"{view}_mirror" for view in views]
    nodes += [helper.make_node("Unsqueeze", [view, "turns_view"], [f"{view}_1"]) for view in views]
    return [
        *nodes,
        helper.make_node("Concat", [f"{view}_1" for view in views], ["turns_all"], axis=1),
        helper.make_node("Reshape", ["turns_all", "turns_picture"], ["prep_square"]),
    ]


def _side_by_side(*, compressed: bool) -> list[onnx.NodeProto]:
    """From turns_apart [N * views, D] to the embeddings [N, 4 * D]."""
    mean = "turns_mean" if compressed else EMBEDDINGS
    nodes = [
        helper.make_node("Reshape", ["turns_apart", "turns_embedding"], ["turns_joined"]),
        helper.make_node("ReduceMean", ["turns_joined", "turns_view"], [mean], keepdims=0),
    ]
    if compressed:
        nodes += [
            helper.make_node("Sign", [mean], ["turns_sign"]),
            helper.make_node("Abs", [mean], ["turns_size"]),
            helper.make_node("Mul", ["turns_size", "turns_ten"], ["turns_tenfold"]),
            helper.make_node("Add", ["turns_tenfold", "turns_unit"], ["turns_over_one"]),
            helper.make_node("Log", ["turns_over_one"], ["turns_log"]),
            helper.make_node("Mul", ["turns_sign", "turns_log"], [EMBEDDINGS]),
        ]
    return nodes


def _square(model: onnx.ModelProto) -> npt.NDArray[np.generic]:
    """Channels, height and width that `with_preprocessing` makes pictures of."""
    found = [one for one in model.graph.initializer if one.name == "prep_target"]
    return np.asarray(numpy_helper.to_array(found[0]))


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
