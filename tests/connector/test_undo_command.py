"""`colabel undo` on a real data folder, with no worker but the one that it starts itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from acting import actions, add_rule, run, send
from click import BadParameter
from click.testing import CliRunner
from colours import colour_classifier

from connector.cli import cli
from connector.commands.common import Service, open_service
from connector.commands.undo import Moment
from connector.db.tables import Action
from connector.domain import classifiers
from connector.domain.predictions import SourceRef
from workers.runtime import Runtime

COPY = {"kind": "copy", "params": {"folder": "copies"}}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/no-redis.sock")
    with open_service() as service:
        yield service


@pytest.fixture
def done(service: Service) -> list[Action]:
    """Three copies that a rule made."""
    rt = Runtime(service.settings, service.database, service.blobs)
    with service.database.write() as session:
        made = colour_classifier(session, service.blobs, service.workspace_id(None))
        source = SourceRef.of(classifiers.source(session, made, "api"), made)
    add_rule(rt, made, COPY)
    sent = [send(rt, source, seed=seed) for seed in range(3)]
    run(rt)
    return [actions(rt, one)[0] for one in sent]


def undo(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["undo", *arguments])
    return result.exit_code, result.output


def test_looked_at_then_undone_and_what_stays_is_listed(done: list[Action]) -> None:
    rule = done[0].rule_id
    code, said = undo("--rule", rule, "--since", "00:00", "--dry-run")
    assert (code, "Could be undone: 3 of 3." in said) == (0, True)
    copies = [Path(one.detail["to"]) for one in done]
    assert all(path.exists() for path in copies)
    copies[0].write_bytes(b"somebody's work")
    code, said = undo("--classifier", "colours", "--kind", "copy")
    assert (code, "Undone: 2. Left as it is: 1." in said) == (1, True)
    assert done[0].id in said
    assert [path.exists() for path in copies] == [True, False, False]
    code, said = undo(done[1].id)
    assert (code, "Undone: 1. Left as it is: 0." in said) == (0, True)


def test_what_to_undo_must_be_said(done: list[Action]) -> None:
    assert undo()[0] == 2
    assert undo(done[0].id, "--kind", "copy")[0] == 2
    code, said = undo("--rule", "rule_none")
    assert (code, "nothing to undo" in said) == (1, True)
    code, said = undo("act_none")
    assert (code, "no action act_none" in said) == (1, True)
    assert undo("--since", "soon")[0] == 2


def test_times_are_read_as_people_write_them() -> None:
    read = Moment().convert
    now = datetime.now().astimezone()
    nine = read("9:00", None, None)
    assert (nine.hour, nine.minute) == (9, 0)
    assert abs(nine - now) <= timedelta(days=1)
    assert read("2026-11-25", None, None) == datetime(2026, 11, 25).astimezone()
    assert read("2026-11-25T09:00+01:00", None, None).timestamp() == 1_795_593_600
    with pytest.raises(BadParameter, match="is no time"):
        read("25:00", None, None)
