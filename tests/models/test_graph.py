import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from PIL import Image

from models import graph
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
