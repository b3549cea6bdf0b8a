"""The migrations have one head and end at exactly the tables that the code knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from connector.db import Database, migrate
from connector.db.tables import Action, Base, Classifier, Example, ModelVersion, Source, TrainingRun
from connector.domain import deliveries


def test_there_is_one_head() -> None:
    heads = ScriptDirectory.from_config(migrate.config()).get_heads()
    assert len(heads) == 1


def test_upgrade_equals_the_metadata(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_again_changes_nothing(database: Database) -> None:
    before = migrate.revisions(database)
    migrate.upgrade(database)
    assert migrate.revisions(database) == before
    assert before[0] == before[1]


@pytest.fixture
def first_release(tmp_path: Path) -> Iterator[Database]:
    """A database as the first release left it, with one of everything that 0002 changes."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    engine = database.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), "0001")
        for statement in ROWS:
            connection.execute(text(statement))
    yield database
    database.close()


MOMENT = "'2026-11-24 10:00:00'"
# Written with the columns of the first release alone, as a process that still runs it would.
CLASSIFIER = f"""INSERT INTO classifiers (id, workspace_id, name, recipe, live_version, created_at)
    VALUES ('{{id}}', 'ws_1', '{{id}}', 'sort', 1, {MOMENT})"""
EXAMPLE = f"""INSERT INTO examples (id, classifier_id, image_id, label_id, name, origin, created_at)
    VALUES ('{{id}}', 'clf_1', '{{image}}', 'lbl_1', '', 'api', {MOMENT})"""
IMAGE = f"""INSERT INTO images
    (id, workspace_id, sha256, media_type, width, height, size, created_at)
    VALUES ('{{id}}', 'ws_1', '{{id}}', 'image/png', 1, 1, 1, {MOMENT})"""
VERSION = f"""INSERT INTO model_versions (id, classifier_id, number, labels, thresholds, card,
    metrics, backbone_sha256, head_sha256, portable_sha256, created_at)
    VALUES ('{{id}}', 'clf_1', {{number}}, '["a"]', '{{{{}}}}', '{{{{}}}}', '{{{{}}}}',
    'b', 'h', 'p', {MOMENT})"""
RUN = f"""INSERT INTO training_runs
    (id, classifier_id, status, done, total, strikes, created_at)
    VALUES ('{{id}}', 'clf_1', 'queued', 0, 0, 0, {MOMENT})"""
ROWS = (
    f"INSERT INTO workspaces (id, name, created_at) VALUES ('ws_1', 'w', {MOMENT})",
    CLASSIFIER.format(id="clf_1"),
    "INSERT INTO labels (id, classifier_id, name, position) VALUES ('lbl_1', 'clf_1', 'a', 0)",
    IMAGE.format(id="img_1"),
    EXAMPLE.format(id="ex_1", image="img_1"),
    VERSION.format(id="ver_1", number=1),
    RUN.format(id="run_1"),
)


def test_the_first_release_survives_the_learning_tables(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        for statement in (
            CLASSIFIER.format(id="clf_2"),
            IMAGE.format(id="img_2"),
            EXAMPLE.format(id="ex_2", image="img_2"),
            VERSION.format(id="ver_2", number=2),
            RUN.format(id="run_2"),
        ):
            session.execute(text(statement))
    with first_release.read() as session:
        jobs = session.scalars(select(Classifier).order_by(Classifier.id)).all()
        assert [(job.promise, job.changes, job.stale) for job in jobs] == [
            ({"kind": "confidence"}, 0, False)
        ] * 2
        assert [(job.auto_train, job.aliases) for job in jobs] == [(True, [])] * 2
        assert session.scalars(select(Example.label_id)).all() == ["lbl_1", "lbl_1"]
        assert session.scalars(select(ModelVersion.portable_sha256)).all() == ["p", "p"]
        assert session.scalars(select(TrainingRun.kind)).all() == ["head", "head"]


SOURCE = f"""INSERT INTO sources (id, workspace_id, classifier_id, kind, name, token, created_at)
    VALUES ('{{id}}', 'ws_1', 'clf_1', '{{kind}}', '', '{{id}}', {MOMENT})"""


def test_the_sources_of_the_releases_before_survive(first_release: Database) -> None:
    with first_release.write() as session:
        session.execute(text(SOURCE.format(id="src_1", kind="hook")))
    migrate.upgrade(first_release)
    with first_release.write() as session:
        session.execute(text(SOURCE.format(id="src_2", kind="api")))
    with first_release.read() as session:
        found = session.scalars(select(Source)).all()
        assert [(one.state, one.settings, one.refused, one.deleted_at) for one in found] == [
            ("active", {}, 0, None)
        ] * 2


def test_the_sources_can_be_taken_back(first_release: Database) -> None:
    migrate.upgrade(first_release)
    engine = first_release.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0002")
    migrate.upgrade(first_release)
    with first_release.read() as session:
        assert session.scalars(select(Source)).all() == []


ACTION = f"""INSERT INTO actions (id, workspace_id, prediction_id, rule_id, rule_version, sequence,
    position, kind, params, status, pending, journal, detail, attempts, strikes, due_at, created_at)
    VALUES ('act_1', 'ws_1', 'pred_1', 'rule_1', 1, 0, 0, 'alert', '{{}}', 'planned', 1, '{{}}',
    '{{}}', 0, 0, {MOMENT}, {MOMENT})"""
PREDICTION = f"""INSERT INTO predictions
    (id, workspace_id, classifier_id, source_id, image_id, request_hash, status, name, metadata,
    location, suspect, strikes, created_at)
    VALUES ('pred_1', 'ws_1', 'clf_1', 'src_1', 'img_1', '', 'done', '', '{{}}', '{{}}', 0, 0,
    {MOMENT})"""


def test_the_previous_release_goes_on_planning_beside_digests(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        for statement in (SOURCE.format(id="src_1", kind="api"), PREDICTION, ACTION):
            session.execute(text(statement))
    with first_release.read() as session:
        assert session.scalars(select(Action.digest_id)).all() == [None]
    engine = first_release.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0005")
    migrate.upgrade(first_release)


def test_the_previous_release_goes_on_with_the_delivery_tables(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        for statement in (
            f"""INSERT INTO webhooks (id, workspace_id, url, event_types, secret, created_at)
                VALUES ('wh_1', 'ws_1', 'https://a/', '["alert.raised"]', 's', {MOMENT})""",
            f"""INSERT INTO events (id, workspace_id, type, payload, created_at)
                VALUES ('evt_1', 'ws_1', 'alert.raised', '{{}}', {MOMENT})""",
            f"""INSERT INTO deliveries
                (id, event_id, webhook_id, url, status, attempts, due_at, created_at)
                VALUES
                ('dlv_1', 'evt_1', 'wh_1', 'https://a/', 'pending', 0, {MOMENT}, {MOMENT})""",
        ):
            session.execute(text(statement))
    with first_release.write() as session:
        claim, [parcel] = deliveries.claim_due(session, limit=1, seconds=60)
        assert (claim.ids, parcel.secrets) == (("dlv_1",), ("s",))
