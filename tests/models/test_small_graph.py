import subprocess
import sys

import numpy as np
import onnxruntime as ort
import pytest
import torch
import torchvision
from torch import nn

from models import backbone, graph, small_graph
from models.colabel_small import ColabelSmall
from models.download import boxed


def lively(seed: int) -> ColabelSmall:
    """A network whose normalisation does something, as after a fine-tuning."""
    torch.manual_seed(seed)
    network = ColabelSmall(7)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for value in (module.weight, module.bias, module.running_mean):
                    assert value is not None
                    value.normal_(0.2, 0.5)
                assert module.running_var is not None
                module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize("recognition", [False, True])
@torch.inference_mode()
def test_the_drawing_answers_as_the_network_does(recognition: bool) -> None:
    network = lively(3)
    known = backbone.recognising(network) if recognition else backbone.headless(network)
    module = backbone.with_texture(known, 96)
    drawn = small_graph.drawn(module, 96)
    assert drawn is not None
    graph.parse(drawn)
    session = ort.InferenceSession(drawn, providers=["CPUExecutionProvider"])
    for count in (1, 5):
        pictures = torch.randn(count, 3, 96, 96)
        answered = session.run(None, {"planes": pictures.numpy()})[0]
        expected = module(pictures).numpy()
        assert answered.shape == expected.shape
        assert np.abs(answered - expected).max() < 1e-3 * max(1, np.abs(expected).max())


def test_other_networks_are_left_to_the_exporter() -> None:
    other = backbone.headless(torchvision.models.squeezenet1_1(weights=None))
    assert small_graph.drawn(other, 96) is None
    assert small_graph.drawn(backbone.with_texture(other, 96), 96) is None


def test_a_first_training_loads_neither_torchvision_nor_the_exporter() -> None:
    program = (
        "from models import backbone, download, export\n"
        "export.backbone_onnx(backbone.build(download.find('colabel_small', None)))\n"
        "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded, compiler = done.stdout.splitlines()
    assert not {"torchvision", "onnxscript"} & set(loaded.split())
    assert compiler == "False"


def test_what_stands_on_it_is_exported_by_the_drawing() -> None:
    built = backbone.build(boxed(), recognition=True)
    assert small_graph.drawn(built.module, built.input_size) is not None
