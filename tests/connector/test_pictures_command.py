"""`colabel pictures`: out to a file, and in again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sorted_pictures import picture, write

from connector.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLABEL_MIN_FREE_BYTES", "0")

    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [str(one) for one in arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_out_and_in_again(run: Run, tmp_path: Path) -> None:
    files = {"ant/1.png": picture(1), "bee/2.png": picture(2), "bee/3.png": picture(3)}
    run("import", "insects", write(tmp_path / "in", files))
    out = tmp_path / "out.zip"
    assert "Wrote" in run("pictures", "export", "insects", out).output
    with zipfile.ZipFile(out) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        archive.extractall(tmp_path / "unpacked")
    assert "exists already" in run("pictures", "export", "insects", out, code=1).output
    tasks = tmp_path / "tasks.json"
    run("pictures", "export", "insects", tasks, "--labelled", "--image-root", "/x")
    told = json.loads(tasks.read_text())
    assert {task["data"]["image"] for task in told} == {f"/x/{name}" for name in files}
    for task in told:
        del task["data"]["sha256"]
    tasks.write_text(json.dumps([*told, {"id": 9, "data": {"image": "none.png"}}]))
    write(tmp_path / "seed", {"moth/x.png": picture(9)})
    run("import", "others", tmp_path / "seed")
    said = run("pictures", "import", "others", tasks, "--pictures", tmp_path / "unpacked").output
    assert "4 pictures: 3 added, 1 skipped." in said
    assert "skipped task 9: none.png" in said
    assert '<Choice value="bee"/>' in run("pictures", "config", "others").output
    table = tmp_path / "all.csv"
    run("pictures", "export", "others", table)
    assert "4 known already" in run("pictures", "import", "others", table, "--no-fetch").output
