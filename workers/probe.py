"""What this machine can do, for `colabel doctor`: `python -m workers.probe` prints it as JSON."""

from __future__ import annotations

import json
import logging
import sys

import onnxruntime
import torch
from onnx import TensorProto, helper

from connector.errors import ColabelError
from connector.settings import load_settings
from models.embed import CUDA, gpu_present, open_session, usable_cores
from workers import weights


def device() -> dict[str, object]:
    """Say what classifies and what trains, tried with a model of one step."""
    session = open_session(_tiny_model())
    classifies = "cuda" if CUDA in session.get_providers() else "cpu"
    trains = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        "gpu_present": gpu_present(),
        "classifies": classifies,
        "trains": trains,
        "cores": usable_cores(),
        "onnxruntime": onnxruntime.__version__,
        "torch": torch.__version__,
    }


def _tiny_model() -> bytes:
    """A model of the shape that ours have: pictures uint8 in, something out."""
    shape: list[str | int | None] = ["N", "H", "W", 3]
    graph = helper.make_graph(
        [helper.make_node("Cast", ["pictures"], ["y"], to=TensorProto.FLOAT)],
        "probe",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session_bytes: bytes = model.SerializeToString()
    return session_bytes


def main() -> int:
    """Print what was found out."""
    logging.disable(logging.WARNING)
    try:
        settings = load_settings()
    except ColabelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    print(json.dumps({"device": device(), "weights": weights.check(settings)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
