"""The backup and the restore of docs/deploy.md, done once on either database."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from aged import answered, submit
from click.testing import CliRunner, Result
from colours import picture
from postgres import binaries
from sqlalchemy import select

from connector.cli import cli
from connector.db import Database
from connector.db.migrate import revisions
from connector.db.tables import Prediction
from connector.domain import predictions
from connector.domain.predictions import SourceRef
from connector.ids import new_token
from connector.settings import load_settings
from connector.storage import LocalBlobs
from workers import classify
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(rt: Runtime, *arguments: str, code: int = 0) -> Result:
        monkeypatch.setenv("COLABEL_DATA_DIR", str(rt.settings.data_dir))
        monkeypatch.setenv("DATABASE_URL", rt.settings.database_url)
        result = CliRunner().invoke(cli, list(arguments))
        assert result.exit_code == code, result.output
        return result

    return invoke


def restored(folder: Path, url: str = "") -> Runtime:
    settings = load_settings(data_dir=folder, database_url=url, min_free_bytes=0)
    return Runtime(settings, Database(settings.database), LocalBlobs(settings.blobs_dir))


def check(old: Runtime, new: Runtime, done: str, waiting: str) -> None:
    """Everything that the backup held is there, and work goes on where it was."""
    assert revisions(new.database)[0] == revisions(new.database)[1]
    with new.database.read() as session:
        assert session.scalars(select(Prediction.id).order_by(Prediction.id)).all() == [
            done,
            waiting,
        ]
        row = session.get_one(Prediction, done)
        _, image = predictions.get_image(session, row.workspace_id, done)
    assert (row.status, row.label) == ("done", "red")
    assert new.blobs.read(image.sha256) == picture("red")
    classify.step(new)
    with new.database.read() as session:
        assert session.get_one(Prediction, waiting).label == "blue"
    with old.database.read() as session:
        assert session.get_one(Prediction, waiting).label is None
    new.database.close()


@SQLITE
def test_sqlite_and_local_disk(
    rt: Runtime, api_source: SourceRef, tmp_path: Path, run: Run
) -> None:
    done, waiting = answered(rt, api_source), submit(rt, api_source, picture("blue"))
    backup, place = tmp_path / "backup", tmp_path / "place"
    for folder in (backup, place):
        folder.mkdir()
    with rt.database.write() as session:
        # Somebody writes at that moment: what is not committed is not in the backup.
        session.get_one(Prediction, done).name = "not yet"
        session.flush()
        run(rt, "db", "backup", str(backup / "colabel.db"))
    shutil.copytree(rt.settings.blobs_dir, backup / "blobs")
    assert (backup / "colabel.db").stat().st_mode & 0o777 == 0o600
    again = run(rt, "db", "backup", str(backup / "colabel.db"), code=1)
    assert "is there already" in again.output
    assert [path.name for path in backup.iterdir() if path.name.startswith(".")] == []
    shutil.copytree(backup, place, dirs_exist_ok=True)
    check(rt, restored(place), done, waiting)


@POSTGRES
def test_postgresql(rt: Runtime, api_source: SourceRef, tmp_path: Path, run: Run) -> None:
    folder = binaries()
    if folder is None or not (folder / "pg_dump").exists():
        if os.environ.get("CI"):
            pytest.fail("no pg_dump: install Debian's postgresql-client, or its whole server")
        pytest.skip("no pg_dump on this machine")
    done, waiting = answered(rt, api_source), submit(rt, api_source, picture("blue"))
    refused = run(rt, "db", "backup", str(tmp_path / "colabel.db"), code=1)
    assert "pg_dump" in refused.output
    dump, place = tmp_path / "colabel.dump", tmp_path / "place"
    place.mkdir()
    url = rt.settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    server, _, query = url.partition("?")
    start, _, _ = server.rpartition("/")
    name = f"t_{new_token(12)}"
    fresh = f"{start}/{name}" + (f"?{query}" if query else "")
    environment = {**os.environ, "LC_ALL": "C"}

    def do(*command: object) -> None:
        subprocess.run([str(one) for one in command], check=True, env=environment)

    do(folder / "pg_dump", "--format=custom", f"--file={dump}", url)
    with rt.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f"CREATE DATABASE {name}"
        )
    do(folder / "pg_restore", f"--dbname={fresh}", dump)
    shutil.copytree(rt.settings.blobs_dir, place / "blobs")
    check(rt, restored(place, fresh), done, waiting)
    with rt.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f"DROP DATABASE {name} WITH (FORCE)"
        )


def test_the_tables_go_back_and_forth(rt: Runtime, api_source: SourceRef, run: Run) -> None:
    done = answered(rt, api_source)
    assert "back to 0005" in run(rt, "db", "downgrade", "0005").stdout
    newest = revisions(rt.database)[1]
    assert f"from revision 0005 to {newest}." in run(rt, "db", "upgrade").stdout
    with rt.database.read() as session:
        assert session.get_one(Prediction, done).label == "red"
    assert "no way back" in run(rt, "db", "downgrade", "nowhere", code=1).output
