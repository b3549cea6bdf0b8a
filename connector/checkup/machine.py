"""What there is to say about the machine: with what it classifies and trains."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from connector.checkup.finding import Finding, Status

PROBE_SECONDS = 120


def run() -> Iterator[Finding]:
    """What this machine classifies and trains with, tried in a process of its own."""
    command = [sys.executable, "-m", "workers.probe"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        yield Finding(
            "fail", "models", f"Loading torch and ONNX Runtime took over {PROBE_SECONDS} seconds."
        )
        return
    if not found:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding(
            "fail", "models", f"torch or ONNX Runtime cannot be used ({last}); run `make install`."
        )
        return
    yield _device(found["device"])
    weights = found["weights"]
    yield Finding("ok" if weights["available"] else "warn", "weights", weights["sentence"])


def known(device: dict[str, Any] | None, weights: dict[str, Any] | None) -> Iterator[Finding]:
    """What workers said of their machine: their facts, None where none was found out yet."""
    if device is None:
        yield Finding("ok", "device", "No worker has loaded a model yet.")
    else:
        yield Finding("ok", "device", str(device["sentence"]))
    if weights is None:
        yield Finding("ok", "weights", "No worker has looked for pretrained weights yet.")
    else:
        status: Status = "ok" if weights.get("available", True) else "warn"
        yield Finding(status, "weights", str(weights["sentence"]))


def _device(device: dict[str, Any]) -> Finding:
    said = (
        f"Classifies on the {_shown(device['classifies'])} (ONNX Runtime {device['onnxruntime']}), "
        f"trains on the {_shown(device['trains'])} (torch {device['torch']}); "
        f"{device['cores']} cores"
    )
    if device["gpu_present"] and "cpu" in (device["classifies"], device["trains"]):
        return Finding(
            "warn",
            "device",
            f"{said}. A GPU is there but not used: its driver may be too old for CUDA.",
        )
    return Finding("ok", "device", f"{said}.")


def _shown(device: str) -> str:
    return "GPU" if device == "cuda" else "CPU"
