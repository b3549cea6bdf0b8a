"""`colabel person`, and the link that `colabel up` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli import cli
from connector.db import Database
from connector.domain import links
from connector.settings import load_settings
from connector.up import Started, welcome_text


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["person", *arguments])


def token(result: Result) -> str:
    found = re.search(r"http://127.0.0.1:8484/link/(\w+)", result.stdout)
    assert found is not None, result.output
    return found[1]


def accept(data: Path, result: Result, name: str) -> str:
    database = Database(load_settings(data_dir=data).database)
    with database.write() as session:
        email = f"{name}@example.com"
        made = links.accept(session, token(result), name=name, email=email, password_hash="h")
    database.close()
    return made.id


def test_a_workspace_gets_its_owner_and_others(data: Path) -> None:
    first = run("link")
    assert "works once, until" in first.stderr
    accept(data, first, "alice")
    invited = run("invite", "bob@example.com", "--role", "reviewer")
    assert "as reviewer" in invited.stderr
    assert "invited until" in run("list").stdout
    bob = accept(data, invited, "bob")
    listed = run("list").stdout
    assert re.search(rf"{bob} +bob +bob@example.com +reviewer +since", listed)
    assert "invited" not in listed
    assert token(run("reset", "bob@example.com"))
    assert "bob is shut out" in run("disable", bob).stdout
    assert "shut out" in run("list").stdout
    refused = run("reset", bob)
    assert refused.exit_code != 0
    last = run("disable", "alice@example.com")
    assert "is the only owner" in last.output


def test_up_says_how_to_make_the_first_account() -> None:
    started = Started(
        url="http://127.0.0.1:8484",
        data_dir=Path("/data"),
        first_key=None,
        owner_link="http://127.0.0.1:8484/link/abc",
        stop=lambda: None,
        stopping=lambda: False,
    )
    said = welcome_text(started)
    assert "Begin    http://127.0.0.1:8484/link/abc" in said
    assert "API key" not in said
