import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from PIL import Image

from models import graph
from models.embed import Embedder
from models.errors import ModelError


def shown(size: int) -> ort.InferenceSession:
    """A graph that gives the prepared picture back, as grey levels."""
    network = helper.make_graph(
        [helper.make_node("Flatten", ["pictures"], ["out"], axis=1)],
        "clashing names",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3 * size * size])],
    )
    opset = [helper.make_opsetid("", graph.OPSET)]
    model = graph.with_preprocessing(
        helper.make_model(network, opset_imports=opset),
        size=size,
        dim=3 * size * size,
        mean=(0, 0, 0),
        std=(1 / 255, 1 / 255, 1 / 255),
    )
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def prepared(size: int, pictures: np.ndarray) -> np.ndarray:
    flat = shown(size).run(None, {"pictures": pictures})[0]
    return flat.reshape(len(pictures), 3, size, size).transpose(0, 2, 3, 1)


def test_a_picture_of_the_right_size_passes_unchanged() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), np.uint8)
    assert np.allclose(prepared(48, pictures), pictures, atol=1e-3)


@pytest.mark.parametrize(
    "shape", [(96, 144), (48, 200), (49, 47), (20, 30), (500, 333), (1, 1), (700, 2)]
)
def test_the_resize_follows_pillow_to_one_grey_level(shape: tuple[int, int]) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (2, *shape, 3), np.uint8)
    expected = [
        np.asarray(Image.fromarray(picture).resize((48, 48), Image.Resampling.BILINEAR))
        for picture in pictures
    ]
    difference = np.abs(prepared(48, pictures) - np.stack(expected))
    assert difference.max() < 1.01
    assert difference.mean() < 0.35


def test_other_bytes_are_no_model() -> None:
    for data in (b"", b"text", onnx.ModelProto().SerializeToString()):
        with pytest.raises(ModelError, match="not a usable ONNX model"):
            graph.parse(data)


@pytest.mark.parametrize("plain", [False, True])
def test_the_four_turns_are_those_of_numpy(tiny_backbone: bytes, plain: bool) -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), np.uint8)
    single = Embedder(tiny_backbone, threads=1)
    expected = []
    for quarters in range(4):
        turned = np.rot90(pictures, quarters, axes=(1, 2))
        embedded = single.embed(turned)
        if not plain:
            mean = (embedded + single.embed(turned[:, :, ::-1])) / 2
            embedded = np.sign(mean) * np.log1p(10 * np.abs(mean))
        expected.append(embedded)
    model = graph.in_four_turns(graph.parse(tiny_backbone), 48, plain=plain)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        answered = session.run(None, {"pictures": pictures[:count]})[0]
        difference = np.abs(answered - np.concatenate(expected, axis=1)[:count]).max()
        assert difference < 1e-6 if not plain else difference == 0


def test_the_turns_share_the_weights_of_one_backbone(tiny_backbone: bytes) -> None:
    single = graph.parse(tiny_backbone)
    before = single.SerializeToString()
    turned = graph.in_four_turns(single, 48, plain=False)
    assert single.SerializeToString() == before, "the original is left as it was"
    kinds = [node.op_type for node in turned.graph.node]
    assert kinds.count("AveragePool") == kinds.count("Resize") == 1
    assert turned.ByteSize() < single.ByteSize() + 4096


def test_only_a_whole_backbone_can_be_turned(tiny_backbone: bytes) -> None:
    weights, bias = np.ones((48, 2), np.float32), np.zeros(2, np.float32)
    headed = graph.with_head(graph.parse(tiny_backbone), weights, bias)
    bare = graph.parse(tiny_backbone)
    bare.graph.node[3].output[0] = "other"
    for wrong in (headed, bare):
        with pytest.raises(ModelError, match="can be turned"):
            graph.in_four_turns(wrong, 48, plain=True)
