import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import graph
from models.signature import BACKBONE_KEY, BackboneCard

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="session")
def tiny_backbone() -> bytes:
    """A backbone whose embedding is the normalised picture, 32 px, averaged over a 4 x 4 grid."""
    shape = numpy_helper.from_array(np.array([0, 48], np.int64), "shape")
    network = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Reshape", ["p", "shape"], ["y"]),
        ],
        "grid",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 48])],
        [shape],
    )
    opset = [helper.make_opsetid("", graph.OPSET)]
    model = graph.with_preprocessing(
        helper.make_model(network, opset_imports=opset), size=32, dim=48, mean=MEAN, std=STD
    )
    card = BackboneCard(
        name="grid",
        weights="scratch",
        source="made in the tests",
        input_size=32,
        embedding_dim=48,
        mean=MEAN,
        std=STD,
    )
    graph.set_metadata(model, {BACKBONE_KEY: card.model_dump_json()})
    onnx.checker.check_model(model)
    return model.SerializeToString()
