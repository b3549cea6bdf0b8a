"""`colabel alert` against a real receiver."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from loopback import Loopback, answer

from connector.cli import cli
from connector.commands.common import open_service
from connector.domain import classifiers, rules


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["alert", *arguments])
    return result.exit_code, result.output


def test_alerts_are_tried_and_digests_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/no-redis.sock")
    monkeypatch.setenv("COLABEL_ALLOW_PRIVATE_ADDRESSES", "127.0.0.1")
    with closing(Loopback(answer())) as server:
        alert = {"kind": "alert", "params": {"channel": "webhook", "url": server.url}}
        with open_service() as service:
            checked = rules.check_actions(service.settings, [alert])
            workspace = service.workspace_id(None)
            with service.database.write() as session:
                job = classifiers.create_classifier(session, workspace, name="papers")
                other = classifiers.create_classifier(session, workspace, name="quiet")
                rule = rules.create_rule(session, job, label=None, actions=checked).rule_id
        code, said = run("test", "papers")
        assert (code, rule in said, "200" in said) == (0, True, True)
        assert b'"test":true' in server.requests[0]
        server.talk = answer(status="500 Oops")
        code, said = run("test", "papers", rule)
        assert (code, "answered 500" in said) == (1, True)
        assert run("test", other.name)[0] == 1
    code, said = run("digests")
    assert (code, "digest" in said) == (0, True)
