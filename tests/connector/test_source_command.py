"""`colabel source`: addresses for other tools, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli import cli
from connector.db import Database
from connector.domain import accounts, classifiers, sources
from connector.settings import load_settings


class Run:
    """Runs commands, and holds their exit code against what is expected."""

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["source", *arguments])
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path / "data"))
    CliRunner().invoke(cli, ["key", "list"])
    database = Database(load_settings().database)
    with database.write() as session:
        workspace = accounts.find_workspace(session, None)
        classifiers.create_classifier(session, workspace.id, name="Pages")
    database.close()
    return Run()


def line_of(run: Run, name: str) -> list[str]:
    lines = run("list", "Pages").stdout.splitlines()
    return next((line.split() for line in lines if f" {name} " in line), [])


def test_a_source_is_made_paused_resumed_rotated_and_deleted(run: Run) -> None:
    made = run("create", "Pages", "Shop", "--image-field", "order.photo").stdout.strip()
    assert "/hooks/" in made
    assert line_of(run, "Shop")[2:5] == ["active", "0", "0"]
    assert line_of(run, "Shop")[-1] == made
    run("pause", "Pages", "Shop")
    assert line_of(run, "Shop")[2] == sources.PAUSED
    run("resume", "Pages", "Shop")
    assert line_of(run, "Shop")[2] == sources.ACTIVE
    rotated = run("rotate", "Pages", "Shop", "--grace-hours", "0").stdout.strip()
    assert rotated != made
    assert line_of(run, "Shop")[-1] == rotated
    run("delete", "Pages", "Shop")
    assert line_of(run, "Shop") == []
    assert line_of(run, "hook")[2] == "active"


def test_what_is_wrong_is_told_in_a_sentence(run: Run) -> None:
    assert "there are: hook" in run("pause", "Pages", "Nothing", code=1).output
    assert "grace period" in run("rotate", "Pages", "hook", "--grace-hours", "-1", code=1).output
    assert "image_field" in run("create", "Pages", "X", "--image-field", "a..", code=1).output


def test_a_folder_is_watched_and_scanned(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_FOLDERS", str(tmp_path))
    folder = tmp_path / "in"
    watch = ("create", "Pages", "Scans", "--kind", "folder", "--path")
    made = run(*watch, str(folder), "--flat", "--suffix", "jpg", "--take-existing")
    assert made.stdout.strip() == str(folder)
    assert "not there yet" in made.stderr
    assert line_of(run, "Scans")[-2:] == [str(folder), "(starting)"]
    run("scan", "Pages", "Scans")
    assert "kind 'hook'" in run("rotate", "Pages", "Scans", code=1).output
    assert "kind 'folder'" in run("scan", "Pages", "hook", code=1).output
    assert "COLABEL_FOLDERS" in run(*watch, "/", code=1).output
    run("delete", "Pages", "Scans")
    assert line_of(run, "Scans") == []


def test_an_s3_source_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ["--kind", "s3", "--bucket", "scans", "--prefix", "in/", "--suffix", ".jpg"]
    assert "COLABEL_BUCKETS" in run("create", "Pages", "Scans", *told, code=1).output
    monkeypatch.setenv("COLABEL_BUCKETS", "other, scans")
    assert run("create", "Pages", "Scans", *told).stdout.strip().endswith("/s3")


def test_an_s3_source_is_set_up_and_its_bucket_gone_through(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_BUCKETS", "scans")
    address = run("create", "Pages", "Scans", "--kind", "s3", "--bucket", "scans").stdout.strip()
    printed = run("policy", "Pages", "Scans").stdout
    assert address in printed
    assert "arn:aws:s3:::scans/*" in printed
    assert json.loads(run("policy", "Pages", "Scans", "--json").stdout)["hook_url"] == address
    name = run("backfill", "Pages", "Scans", "--prefix", "in/").stdout.split()[0]
    assert f"{name}  scans" in run("backfills", "Pages", "Scans").stdout
    assert "stopped" in run("backfills", "Pages", "Scans", "--stop", name).stdout
    assert "kind s3" in run("policy", "Pages", "hook", code=1).output
