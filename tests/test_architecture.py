"""The walls of the house: who may import whom, what stays out of the web process, what resolves."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.jobs import JOBS, QUEUES

ROOT = Path(__file__).parent.parent
PACKAGES = ("connector", "workers", "models")
TRAINING_SIDE = {
    "augment",
    "backbone",
    "checkpoint",
    "colabel_small",
    "dataset",
    "download",
    "export",
    "finetune",
    "job",
    "plans",
    "pretrained",
    "recognition",
    "scratch",
    "small_graph",
    "together",
    "train",
    "tunable",
    "tuner",
}
MAX_LINES = 400


def modules(package: str) -> list[Path]:
    return [path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def offenders(paths: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imported(path)
        if name.split(".")[0] in forbidden
    ]


def test_models_know_nothing_of_the_service() -> None:
    forbidden = {"connector", "workers", "flask", "sqlalchemy", "redis", "rq", "boto3"}
    assert offenders(modules("models"), forbidden) == []


def test_the_connector_knows_no_model() -> None:
    assert offenders(modules("connector"), {"torch", "torchvision", "onnxruntime", "onnx"}) == []
    assert offenders(modules("connector"), {"models", "workers", "sklearn"}) == []


def test_only_the_web_side_knows_flask() -> None:
    outside = [path for path in modules("connector") if "web" not in path.parts]
    assert offenders([*outside, *modules("workers")], {"flask", "werkzeug"}) == []


def test_only_the_training_side_knows_torch() -> None:
    serving = [
        path
        for path in modules("models")
        if path.stem not in TRAINING_SIDE and path.parent.name != "pretrain"
    ]
    assert offenders(serving, {"torch", "torchvision"}) == []


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys; print(' '.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_web_process_loads_no_heavy_library() -> None:
    loaded = loaded_by("import connector.web.app")
    assert "flask" in loaded
    assert not loaded & {"torch", "torchvision", "onnxruntime", "sklearn", "scipy", "boto3"}


def test_a_worker_that_answers_pictures_loads_no_torch() -> None:
    loaded = loaded_by(
        "import workers.classify, workers.act, workers.deliver, workers.clock, workers.watch"
    )
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "torchvision", "flask"}


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_job_name_resolves(name: str) -> None:
    module, _, function = JOBS[name].function.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))
    assert JOBS[name].queue in QUEUES


def test_the_procfile_runs_every_queue() -> None:
    procfile = (ROOT / "Procfile").read_text()
    for process in ("web", *QUEUES, "clock", "watch"):
        assert re.search(rf"^{process}:", procfile, re.MULTILINE), process


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_has_grown_into_a_room_of_its_own(package: str) -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(package)
    }
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}
    assert [name for name in sizes if name.endswith("utils.py")] == []
