"""`colabel webhook` against a real receiver."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from loopback import Loopback, answer

from connector.cli import cli
from connector.commands.common import open_service
from connector.domain import outbound


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["webhook", *arguments])
    return result.exit_code, result.output


def test_listed_tested_replayed_and_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/no-redis.sock")
    monkeypatch.setenv("COLABEL_ALLOW_PRIVATE_ADDRESSES", "127.0.0.1")
    with closing(Loopback(answer())) as server:
        with open_service() as service:
            wanted = outbound.subscription(service.settings, server.url, ["alert.raised"])
            workspace = service.workspace_id(None)
            with service.database.write() as session:
                hook = outbound.create_webhook(session, workspace, wanted)
        assert server.url in run("list")[1]
        assert "Taken with 200" in run("test", hook.id)[1]
        code, shown = run("deliveries", hook.id)
        assert code == 0
        assert "webhook.test" in shown
        assert run("replay", hook.id)[0] == 2
        assert "Sent again: 1." in run("replay", hook.id, "--from", "2020-01-01")[1]
        code, said = run("rotate", hook.id)
        assert code == 0
        assert "whsec_" in said
        assert hook.secret not in said
        server.talk = answer(status="500 Oops")
        code, said = run("test", hook.id)
        assert (code, "answered 500" in said) == (1, True)
    assert run("deliveries", "wh_none")[0] == 1
