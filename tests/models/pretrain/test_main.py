import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from albums import album

from models import backbone
from models.download import Source
from models.pretrain.__main__ import main

ROOT = Path(__file__).parents[3]


def test_the_command_writes_weights_that_the_service_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = [str(album(tmp_path / "a", 20)), "--out", str(out), "--passes", "1", "--batch", "16"]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "40 pictures of 2 labels" in said
    assert "min left; held out:" in said
    weights = out / "colabel_small.pth"
    assert str(weights) in said
    state = torch.load(weights, weights_only=True)
    assert state["classifier.weight"].shape == (2, 320)
    assert state["classifier.weight"].dtype == torch.float16
    built = backbone.build(Source("colabel_small", weights, "a test", "00"))
    assert (built.input_size, built.dim) == (96, 320 + 2 * 128)
    made = json.loads((out / "colabel_small.json").read_text())
    assert made["pictures"] == 40
    assert made["settings"]["passes"] == 1
    # A second run distils from the first.
    again = [*given[:2], str(tmp_path / "second"), *given[3:], "--teacher", str(weights)]
    assert main(again) == 0


def test_what_cannot_work_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "one folder of pictures a label" in capsys.readouterr().err
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"no weights")
    folder = str(album(tmp_path / "a", 4))
    assert main([folder, "--out", str(tmp_path / "run"), "--teacher", str(wrong)]) == 1
    assert "weights of an earlier run" in capsys.readouterr().err


def test_it_can_be_asked_how() -> None:
    command = [sys.executable, "-m", "models.pretrain", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "--keep-out" in done.stdout
