"""colabel_small as an ONNX graph, node by node.

Torch's exporter does this for any network, but loading it takes longer than all the rest of a first
training. What is drawn here is compared with the network's own answers like any other export.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models import graph
from models.backbone import Textured
from models.colabel_small import Block, ColabelSmall
from models.recognition import Recognition

_INPUT, _OUTPUT = "planes", "features"


def drawn(module: nn.Module, size: int) -> bytes | None:
    """The graph of float32 [N, 3, size, size] -> [N, dim]; None for any other network."""
    if not isinstance(module, Textured) or not isinstance(module.network, ColabelSmall):
        return None
    return _Drawing().whole(module, module.network, size)


class _Drawing:
    """Nodes and constants as they come; each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def whole(self, module: Textured, network: ColabelSmall, size: int) -> bytes:
        maps, texture = _INPUT, _INPUT
        for name, layer in network.features.named_children():
            maps = self.block(layer, maps) if isinstance(layer, Block) else self.chain(layer, maps)
            if module.stage == f"features.{name}":
                texture = maps
        pooled = self.node("Flatten", self.node("GlobalAveragePool", maps), axis=1)
        parts = [*self.known(network.classifier, pooled), pooled, *self.spread(texture, (2, 3))]
        self.nodes.append(helper.make_node("Concat", parts, [_OUTPUT], axis=1))
        made = helper.make_graph(
            self.nodes,
            "colabel_small",
            [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, ["N", 3, size, size])],
            [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["N", None])],
            self.constants,
        )
        opset = [helper.make_opsetid("", graph.OPSET)]
        model = helper.make_model(made, opset_imports=opset, ir_version=graph.IR_VERSION)
        return bytes(model.SerializeToString())

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        result = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    def constant(self, value: Tensor | list[int]) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.array(value, np.int64) if isinstance(value, list) else value.detach().numpy()
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def chain(self, layers: nn.Module, maps: str) -> str:
        """Layers one after the other."""
        for layer in layers.children():
            maps = self.layer(layer, maps)
        return maps

    def layer(self, layer: nn.Module, maps: str) -> str:
        match layer:
            case nn.Conv2d():
                edge, side = int(layer.padding[0]), layer.kernel_size[0]
                return self.node(
                    "Conv",
                    maps,
                    self.constant(layer.weight),
                    kernel_shape=[side, side],
                    strides=list(layer.stride),
                    pads=[edge] * 4,
                )
            case nn.BatchNorm2d(running_mean=Tensor() as mean, running_var=Tensor() as variance):
                values = (layer.weight, layer.bias, mean, variance)
                constants = [self.constant(value) for value in values]
                return self.node("BatchNormalization", maps, *constants, epsilon=layer.eps)
            case nn.ReLU():
                return self.node("Relu", maps)
            case nn.AvgPool2d():
                side = int(layer.kernel_size)  # type: ignore[arg-type]
                return self.node("AveragePool", maps, kernel_shape=[side] * 2, strides=[side] * 2)
            case _:
                raise TypeError(f"{type(layer).__name__} is not a layer of colabel_small")

    def block(self, block: Block, maps: str) -> str:
        wide = self.chain(block.second, self.chain(block.first, maps))
        short = (
            maps if isinstance(block.shortcut, nn.Identity) else self.chain(block.shortcut, maps)
        )
        return self.node("Relu", self.node("Add", wide, short))

    def known(self, classifier: nn.Module, pooled: str) -> list[str]:
        """What `models.recognition` puts first, where the network is to say it."""
        if not isinstance(classifier, Recognition) or classifier.turned is None:
            return []
        logits = self.linear(classifier.classifier, pooled)
        axis = self.constant([1])
        logarithms = self.node("LogSoftmax", logits, axis=1)
        shares = self.node("Mul", self.node("Exp", logarithms), logarithms)
        return [
            self.node("ReduceMax", logits, axis),
            self.node("ReduceLogSumExp", logits, axis),
            self.node("ReduceSum", shares, axis),
            self.spread(logits, (1,))[1],
            self.node("LogSoftmax", self.linear(classifier.turned, pooled), axis=1),
        ]

    def linear(self, layer: nn.Module, rows: str) -> str:
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"{type(layer).__name__} is not a linear layer")
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        return self.node("Gemm", rows, weight, bias, transB=1)

    def spread(self, values: str, axes: tuple[int, ...]) -> tuple[str, str]:
        """Mean and deviation over some axes, [N, C] for maps and [N, 1] for rows."""
        over = self.constant(list(axes))
        mean = self.node("ReduceMean", values, over, keepdims=1)
        gaps = self.node("Sub", values, mean)
        variance = self.node("ReduceMean", self.node("Mul", gaps, gaps), over, keepdims=1)
        deviation = self.node("Sqrt", variance)
        if axes == (1,):
            return mean, deviation
        return self.node("Flatten", mean, axis=1), self.node("Flatten", deviation, axis=1)
