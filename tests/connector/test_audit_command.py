"""Changes by the command line are in the audit log, which `colabel audit` shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from colours import picture

from connector.cli import COMMANDS, cli

Run = Callable[..., Result]
# Commands that change something which belongs to a workspace, and what their entry says.
LEAVE = {
    "key create": "key.created",
    "key revoke": "key.revoked",
    "person link": "link.created",
    "person invite": "link.created",
    "person reset": "link.created",
    "person disable": "person.disabled",
    "import": "import.started",
    "pictures import": "import.started",
    "label add": "label.added",
    "label rename": "label.renamed",
    "label merge": "label.merged",
    "label remove": "label.removed",
    "train": "training.requested",
    "promise": "promise.changed",
    "version promote": "version.promoted",
    "source create": "source.created",
    "source pause": "source.changed",
    "source resume": "source.changed",
    "source rotate": "source.token_rotated",
    "source delete": "source.deleted",
    "source scan": "source.scanned",
    "source backfill": "backfill.started",
    "undo": "undo.requested",
    "source backfills": "backfill.stopped",
    "webhook replay": "webhook.replayed",
    "webhook test": "webhook.tested",
    "webhook rotate": "webhook.secret_rotated",
}
NEED_NONE = {
    "they look": (
        *("key list", "label list", "source list", "version list", "webhook list"),
        *("webhook deliveries", "report", "evaluate", "export", "doctor", "audit"),
        *("alert digests", "source policy", "person list", "pictures config", "pictures export"),
    ),
    "what it sends changes nothing here": ("alert test",),
    "it carries out what the settings say, which leave their own entries": ("retention run",),
    "questions about past pictures": ("rehearse", "suggest", "version compare"),
    "pictures leave their predictions": ("classify",),
    "they run the service": ("up", "demo", "web", "worker", "clock", "watch", "slack"),
    "of no workspace": ("db upgrade", "db downgrade", "db backup"),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLABEL_MIN_FREE_BYTES", "0")

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(cli, [str(one) for one in arguments])
        assert result.exit_code == 0, result.output
        return result

    return invoke


def leaves() -> Iterator[str]:
    """Every command that can be run, with its group."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {one}" for one in command.list_commands(context))
        else:
            yield name


def test_every_command_is_on_one_of_the_lists() -> None:
    looks = [name for names in NEED_NONE.values() for name in names]
    assert sorted([*LEAVE, *looks]) == sorted(leaves())


def entries(run: Run, *options: object) -> list[dict[str, Any]]:
    lines = run("audit", "--json", *options).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_the_command_line_is_named_with_what_it_did(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heap = tmp_path / "heap"
    for colour in ("red", "blue"):
        (heap / colour).mkdir(parents=True)
        (heap / colour / "1.png").write_bytes(picture(colour))
    run("import", "paints", heap)
    secret = run("key", "create", "scanner", "--scope", "ingest").stdout.strip()
    run("person", "link")
    link = run("person", "invite", "bob@example.com").stdout.strip().rpartition("/")[2]
    run("label", "add", "paints", "green", "grey")
    run("label", "rename", "paints", "green", "moss")
    run("label", "merge", "paints", "moss", "red")
    run("label", "remove", "paints", "grey")
    run("promise", "paints", "--error-rate", "0.05")
    run("source", "create", "paints", "Shop")
    run("source", "pause", "paints", "Shop")
    token = run("source", "rotate", "paints", "Shop").stdout.strip().rpartition("/")[2]
    run("source", "delete", "paints", "Shop")
    monkeypatch.setenv("COLABEL_FOLDERS", str(tmp_path))
    run("source", "create", "paints", "Scans", "--kind", "folder", "--path", heap)
    run("source", "scan", "paints", "Scans")
    monkeypatch.setenv("COLABEL_BUCKETS", "pictures")
    run("source", "create", "paints", "Bucket", "--kind", "s3", "--bucket", "pictures")
    run("source", "backfill", "paints", "Bucket")
    found = entries(run)
    by_hand = {one["what"] for one in found if one["actor"]["kind"] == "cli"}
    assert {
        *("import.started", "classifier.created", "key.created", "label.added", "label.renamed"),
        *("label.merged", "label.removed", "promise.changed", "source.created", "source.changed"),
        *("source.token_rotated", "source.deleted", "source.scanned", "backfill.started"),
        "link.created",
    } <= by_hand
    assert "@" in found[0]["actor"]["name"]
    assert secret not in str(found)
    assert token not in str(found)
    assert link not in str(found)
    first = {one["what"] for one in found if one["actor"]["kind"] == "system"}
    assert first == {"workspace.created", "key.created"}


def test_what_lies_in_a_folder_or_a_bucket_is_taken_by_somebody(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_FOLDERS", str(tmp_path))
    monkeypatch.setenv("COLABEL_BUCKETS", "scans")
    (tmp_path / "heap" / "red").mkdir(parents=True)
    (tmp_path / "heap" / "red" / "1.png").write_bytes(picture("red"))
    run("import", "paints", tmp_path / "heap")
    run("source", "create", "paints", "Scans", "--kind", "folder", "--path", tmp_path / "in")
    run("source", "scan", "paints", "Scans")
    run("source", "create", "paints", "Shop", "--kind", "s3", "--bucket", "scans")
    backfill = run("source", "backfill", "paints", "Shop").stdout.strip()
    for _ in range(2):
        run("source", "backfills", "paints", "Shop", "--stop", backfill)
    assert [one["what"] for one in entries(run, "--resource", backfill)] == [
        "backfill.stopped",
        "backfill.started",
    ]
    assert [one["actor"]["kind"] for one in entries(run, "--what", "source.scanned")] == ["cli"]


def test_the_list_is_filtered_and_shown_as_a_table(run: Run) -> None:
    key = run("key", "list").stdout.split()
    key_id = next(word for word in key if word.startswith("key_"))
    run("key", "revoke", key_id)
    shown = run("audit", "--what", "key", "--limit", "1").stdout
    assert "key.revoked" in shown
    assert key_id in shown
    assert "key.created" not in shown
    assert len(entries(run, "--resource", key_id)) == 2
    assert [one["what"] for one in entries(run, "--by", "cli")] == ["key.revoked"]
    assert entries(run, "--since", "2100-01-01") == []
    assert len(entries(run, "--until", "2100-01-01")) == 3
