"""`colabel retention`: what would go, and letting it go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aged import age, answered
from click.testing import CliRunner, Result
from sqlalchemy import select

from connector.cli import cli
from connector.db.tables import Classifier, Prediction
from connector.domain.predictions import SourceRef
from workers.runtime import Runtime

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Run = Callable[..., Result]


@pytest.fixture
def run(rt: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(rt.settings.data_dir))
    monkeypatch.setenv("COLABEL_MIN_FREE_BYTES", "0")
    monkeypatch.setenv("COLABEL_RETENTION_DAYS", "30")

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, ["retention", *arguments])
        assert result.exit_code == 0, result.output
        return result

    return invoke


def kept(rt: Runtime) -> int:
    with rt.database.read() as session:
        statement = select(Prediction.id).where(Prediction.image_deleted_at.is_(None))
        return len(session.scalars(statement).all())


def test_a_dry_run_tells_and_a_run_does(run: Run, rt: Runtime, api_source: SourceRef) -> None:
    answered(rt, api_source)
    answered(rt, api_source)
    answered(rt, api_source, "blue")
    age(rt.database)
    answered(rt, api_source, "green")
    for said in (run("--dry-run"), run("run", "--dry-run")):
        assert "3 predictions would go: 2 pictures that nothing else needs" in said.stdout
    assert kept(rt) == 4
    assert "3 predictions went: 2 pictures" in run("run").stdout
    assert kept(rt) == 1
    assert "0 predictions would go: 0 pictures" in run("--dry-run").stdout


def test_it_shows_what_holds_for_each(run: Run, rt: Runtime, colours: Classifier) -> None:
    assert ["colours", "after", "30", "days"] in [
        line.split() for line in run().stdout.splitlines()
    ]
    with rt.database.write() as session:
        session.get_one(Classifier, colours.id).retention_days = 0
    said = run().stdout
    assert "after 30 days (COLABEL_RETENTION_DAYS)" in said
    assert ["colours", "never"] in [line.split() for line in said.splitlines()]
