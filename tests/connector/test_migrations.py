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

from connector.db import Database, migrate, tallies
from connector.db.tables import (
    Action,
    AuditEntry,
    Base,
    Classifier,
    Derivative,
    Example,
    Image,
    ModelVersion,
    Prediction,
    Rule,
    Source,
    TrainingRun,
)
from connector.domain import audit_log, conditions, deliveries, source_events, turns
from connector.errors import Unprocessable


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


def test_the_rules_of_the_releases_before_survive_and_theirs_are_understood(
    first_release: Database,
) -> None:
    rule = f"""INSERT INTO rules
        (id, rule_id, version, current, classifier_id, label, position, enabled, actions,
         created_at)
        VALUES ('{{id}}', '{{id}}', 1, true, 'clf_1', {{label}}, 0, true, '[]', {MOMENT})"""
    with first_release.write() as session:
        session.execute(text(rule.format(id="rlv_1", label="'a'")))
    migrate.upgrade(first_release)
    with first_release.write() as session:
        session.execute(text(rule.format(id="rlv_2", label="NULL")))
    with first_release.read() as session:
        rows = session.scalars(select(Rule).order_by(Rule.id)).all()
        assert [conditions.of_rule(row) for row in rows] == [{"labels": ["a"]}, {}]


def test_the_records_can_be_taken_back_and_made_again(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        # As the release before writes them, which knows nothing of what is counted.
        session.execute(text(IMAGE.format(id="img_9")))
        tallies.add(session, "accepted", way="hook")
        audit_log.note(session, "ws_1", "rule.created", "rule_1")
    engine = first_release.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0005")
    migrate.upgrade(first_release)
    with first_release.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []
        assert session.scalars(select(Image.id).order_by(Image.id)).all() == ["img_1", "img_9"]


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


# As the releases before 0008 wrote them.
PREDICTION = f"""INSERT INTO predictions (id, workspace_id, classifier_id, source_id, request_hash,
    image_id, name, metadata, status, location, suspect, strikes, created_at)
    VALUES ('{{id}}', 'ws_1', 'clf_1', 'src_1', '', 'img_1', '', '{{{{}}}}', 'done', '{{{{}}}}',
    0, 0, {MOMENT})"""
TURNED = f"""INSERT INTO actions (id, workspace_id, prediction_id, rule_id, rule_version, sequence,
    position, kind, params, status, pending, journal, detail, attempts, strikes, due_at, created_at)
    VALUES ('act_1', 'ws_1', 'pred_1', 'rule_1', 1, 1, 0, 'rotate', '{{}}', 'done', 0, '{{}}',
    '{{"before": "one", "after": "other"}}', 0, 0, {MOMENT}, {MOMENT})"""


def test_the_releases_before_go_on_beside_retention(first_release: Database) -> None:
    with first_release.write() as session:
        for statement in (
            SOURCE.format(id="src_1", kind="hook"),
            PREDICTION.format(id="pred_1"),
            TURNED,
        ):
            # Colons in JSON are no parameters.
            session.connection().exec_driver_sql(statement)
    migrate.upgrade(first_release)
    with first_release.write() as session:
        session.connection().exec_driver_sql(PREDICTION.format(id="pred_2"))
    with first_release.read() as session:
        kept = session.scalars(select(Prediction).order_by(Prediction.id)).all()
        assert [(one.id, one.image_deleted_at) for one in kept] == [
            ("pred_1", None),
            ("pred_2", None),
        ]
        made = session.execute(select(Derivative.sha256, Derivative.prediction_id))
        assert {tuple(one) for one in made} == {("one", "pred_1"), ("other", "pred_1")}
        assert session.scalars(select(Classifier.retention_days)).all() == [None]
    migrate.downgrade(first_release, "0005")
    migrate.upgrade(first_release)
    with first_release.read() as session:
        assert len(session.scalars(select(Derivative.sha256)).all()) == 2


def test_there_is_no_way_back_to_what_never_was(database: Database) -> None:
    with pytest.raises(Unprocessable, match="no way back to 'nowhere'"):
        migrate.downgrade(database, "nowhere")


def test_the_previous_release_goes_on_with_s3_sources(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        session.execute(text(SOURCE.format(id="src_1", kind="hook")))
        session.execute(
            text(
                f"""INSERT INTO source_events (id, source_id, code, detail, pictures, created_at)
                    VALUES ('sev_1', 'src_1', 'no_picture', 'none', 0, {MOMENT})"""
            )
        )
    with first_release.read() as session:
        found = session.get_one(Source, "src_1")
        assert found.ignored == 0
        assert [one["outcome"] for one in source_events.shown(session, found)] == ["refused"]
    engine = first_release.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0005")
    migrate.upgrade(first_release)
    with first_release.read() as session:
        assert session.get_one(Source, "src_1").ignored == 0


def test_the_previous_release_goes_on_planning_actions_beside_undos(
    first_release: Database,
) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        for statement in (
            SOURCE.format(id="src_1", kind="api"),
            f"""INSERT INTO predictions (id, workspace_id, classifier_id, source_id,
                request_hash, image_id, name, metadata, status, location, suspect, strikes,
                created_at)
                VALUES ('pred_1', 'ws_1', 'clf_1', 'src_1', 'h', 'img_1', '', '{{}}', 'done',
                '{{}}', 0, 0, {MOMENT})""",
            f"""INSERT INTO actions (id, workspace_id, prediction_id, rule_id, rule_version,
                sequence, position, kind, params, status, pending, journal, detail, attempts,
                strikes, due_at, created_at)
                VALUES ('act_1', 'ws_1', 'pred_1', 'rule_1', 1, 0, 0, 'move', '{{}}',
                'planned', TRUE, '{{}}', '{{}}', 0, 0, {MOMENT}, {MOMENT})""",
        ):
            session.execute(text(statement))
    with first_release.write() as session:
        [turn] = turns.claim(session, limit=1, seconds=60, suspects=1)
        assert (turn.action.label, turn.action.after_undo) == (None, None)
    engine = first_release.engine.execution_options(colabel_write=True)
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0005")
        assert connection.execute(text("SELECT kind FROM actions")).scalars().all() == ["move"]
    migrate.upgrade(first_release)


ALERT = f"""INSERT INTO actions (id, workspace_id, prediction_id, rule_id, rule_version, sequence,
    position, kind, params, status, pending, journal, detail, attempts, strikes, due_at, created_at)
    VALUES ('act_1', 'ws_1', 'pred_1', 'rule_1', 1, 0, 0, 'alert', '{{}}', 'planned', TRUE, '{{}}',
    '{{}}', 0, 0, {MOMENT}, {MOMENT})"""


def test_the_previous_release_goes_on_planning_beside_digests(first_release: Database) -> None:
    migrate.upgrade(first_release)
    with first_release.write() as session:
        prediction = PREDICTION.format(id="pred_1")
        for statement in (SOURCE.format(id="src_1", kind="hook"), prediction, ALERT):
            session.connection().exec_driver_sql(statement)
    with first_release.read() as session:
        assert session.scalars(select(Action.digest_id)).all() == [None]
    migrate.downgrade(first_release, "0005")
    migrate.upgrade(first_release)
