"""Fixtures for all tests: a migrated database of either kind, and the cast.

Alice owns a workspace, Bob is her teammate, Charlie is an outsider who must see nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.db import Database
from connector.db.migrate import upgrade
from connector.settings import Settings, load_settings
from connector.storage import LocalBlobs

sys.path.insert(0, str(Path(__file__).parent))

import compiled
from buckets import S3Bucket, S3Server
from colours import colour_classifier
from databases import TEMPLATE, Databases
from postgres import Postgres, binaries

from connector.db.tables import Classifier
from connector.domain.predictions import SourceRef
from workers.runtime import Runtime


@dataclass(frozen=True)
class Person:
    """Somebody with a key to a workspace."""

    name: str
    workspace_id: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that let this person in."""
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith(("COLABEL_", "AWS_")) or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _compile_once() -> Iterator[None]:
    """Spare every test the compiling of the statements that another has had compiled."""
    with pytest.MonkeyPatch.context() as patch:
        compiled.share(patch)
        yield


@pytest.fixture(scope="session")
def sqlite_empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the database once by its migrations; every test gets a copy."""
    path = tmp_path_factory.mktemp("template") / "colabel.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture
def sqlite_template(sqlite_empty: Path) -> Path:
    """Give the database that a test begins with; tests of pages begin with a furnished one."""
    return sqlite_empty


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL once and migrate a template in it."""
    folder = binaries()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL: install Debian's postgresql, or the locked dev packages")
        pytest.skip("no PostgreSQL server on this machine")
    server = Postgres(folder)
    server.execute(f"CREATE DATABASE {TEMPLATE}")
    database = Database(server.url(TEMPLATE))
    upgrade(database)
    database.close()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_databases(postgres: Postgres) -> Databases:
    """Give what lends databases of PostgreSQL to one test after the other."""
    return Databases(postgres)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh migrated database, of each kind in turn."""
    if request.param == "sqlite":
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        shutil.copy(request.getfixturevalue("sqlite_template"), data / "colabel.db")
        yield f"sqlite:///{data / 'colabel.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    databases: Databases = request.getfixturevalue("postgres_databases")
    name = databases.lend()
    yield server.url(name)
    databases.take_back(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a fresh migrated database; the test runs once on SQLite and once on PostgreSQL."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Give settings whose data folder and database belong to this test alone."""
    return settings_of(tmp_path / "data", database_url)


def settings_of(data_dir: Path, database_url: str) -> Settings:
    """Return settings of the tests for this data folder."""
    return load_settings(
        data_dir=data_dir,
        database_url=database_url,
        secret_key="a secret of the tests",
        redis_url=f"unix://{data_dir.parent}/no-redis.sock",
        min_free_bytes=0,
    )


@pytest.fixture
def blobs(settings: Settings) -> LocalBlobs:
    """Give an empty blob store."""
    return LocalBlobs(settings.blobs_dir)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Start a server that speaks S3 once."""
    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    """Give a fresh bucket, which boto3 finds and may use."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    # Whoever runs the tests may have a profile of their own.
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return s3_server.bucket()


def person_of(database: Database, name: str, workspace_id: str | None = None) -> Person:
    """Make somebody with a key: to a workspace of their own, or to this one."""
    from connector.domain import accounts

    with database.write() as session:
        if workspace_id is None:
            workspace_id = accounts.create_workspace(session, f"{name}'s workspace").id
        _, secret = accounts.create_key(session, workspace_id, f"{name}'s key")
    return Person(name, workspace_id, secret)


@pytest.fixture
def alice(database: Database) -> Person:
    """Alice, who owns the workspace."""
    return person_of(database, "Alice")


@pytest.fixture
def bob(database: Database, alice: Person) -> Person:
    """Bob, Alice's teammate, with a key of his own."""
    return person_of(database, "Bob", alice.workspace_id)


@pytest.fixture
def charlie(database: Database) -> Person:
    """Charlie, who has a workspace of his own and must see nothing of Alice's."""
    return person_of(database, "Charlie")


@pytest.fixture
def rt(settings: Settings, database: Database, blobs: LocalBlobs) -> Runtime:
    """Give a runtime without Redis: tests run the drains themselves."""
    return Runtime(settings, database, blobs)


@pytest.fixture
def colours(database: Database, blobs: LocalBlobs, alice: Person) -> Classifier:
    """Give Alice's classifier that tells red, green and blue pictures apart."""
    with database.write() as session:
        return colour_classifier(session, blobs, alice.workspace_id)


@pytest.fixture
def api_source(database: Database, colours: Classifier) -> SourceRef:
    """Give the API's way into that classifier."""
    from connector.domain import classifiers

    with database.read() as session:
        source = classifiers.source(session, colours, "api")
        return SourceRef(source.id, source.workspace_id, source.classifier_id)
