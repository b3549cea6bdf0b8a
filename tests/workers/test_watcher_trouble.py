"""A watched folder that goes away, files that cannot be read, links that lead out, and crashes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from colours import picture
from conftest import Person
from rights import ordinary_rights
from watching import Inbox, grown_old, watchable

from connector.db.tables import Classifier, WatchedFolder
from connector.domain import predictions, quotas, watched_files
from workers.runtime import Runtime


@pytest.fixture
def inbox(rt: Runtime, colours: Classifier, tmp_path: Path) -> Inbox:
    """Alice's classifier watches a folder."""
    return Inbox.make(watchable(rt, tmp_path / "in"), colours, tmp_path / "in")


def codes(inbox: Inbox) -> list[str]:
    return [one["code"] for one in reversed(inbox.shown()["events"]) if one["code"]]


def test_a_folder_that_is_away_is_told_once_and_gone_on_with(inbox: Inbox) -> None:
    inbox.drop("a.png")
    inbox.look()
    away = inbox.path.rename(inbox.path.with_name("elsewhere"))
    inbox.look()
    assert inbox.shown()["watching"]["state"] == "away"
    inbox.restart()
    inbox.look()
    (away / "b.png").write_bytes(picture("blue"))
    away.rename(inbox.path)
    inbox.look()
    assert codes(inbox) == ["folder_away", "folder_back"]
    outcomes = {one["outcome"] for one in inbox.shown()["events"] if one["code"]}
    assert outcomes == {"notice"}
    assert inbox.shown()["refused"] == 0
    assert inbox.names() == ["a.png", "b.png"]


def test_files_of_a_drive_that_comes_back_are_known(inbox: Inbox) -> None:
    """Here a folder inside, as when what is mounted there goes: its listing is whole but empty."""
    inbox.drop("drive/a.png")
    inbox.look()
    away = (inbox.path / "drive").rename(inbox.path.with_name("kept"))
    (inbox.path / "drive").mkdir()
    inbox.look()
    inbox.restart()
    (inbox.path / "drive").rmdir()
    away.rename(inbox.path / "drive")
    inbox.look()
    assert inbox.names() == ["a.png"]


def test_a_damaged_file_is_reported_once_and_taken_when_it_is_mended(inbox: Inbox) -> None:
    whole = picture("red")
    path = inbox.path / "a.png"
    path.write_bytes(whole[:-20])
    inbox.watcher.rt.settings = inbox.rt.settings.model_copy(update={"watch_seconds": 1e-9})
    inbox.look(8)
    inbox.restart()
    inbox.look(4)
    assert codes(inbox) == ["truncated_picture"]
    (event,) = inbox.shown()["events"]
    assert str(path) in event["detail"]
    assert inbox.shown()["refused"] == 1
    path.write_bytes(whole)
    inbox.look()
    assert inbox.names() == ["a.png"]


def test_a_name_that_is_no_text_is_reported_once(inbox: Inbox) -> None:
    Path(os.fsdecode(os.fsencode(inbox.path) + b"/\xff.png")).write_bytes(picture("red"))
    inbox.look(4)
    inbox.restart()
    inbox.look(4)
    inbox.drop("b.png")
    inbox.look()
    assert codes(inbox) == ["unreadable_name"]
    assert inbox.names() == ["b.png"]


def test_what_may_not_be_read_is_reported_once_and_taken_later(inbox: Inbox) -> None:
    path, hidden = inbox.drop("a.png"), inbox.drop("sub/b.png", seed=1)
    path.chmod(0)
    hidden.parent.chmod(0)
    with ordinary_rights():
        inbox.look(5)
        inbox.restart()
        inbox.look(5)
    assert sorted(codes(inbox)) == ["unreadable_file", "unreadable_folder"]
    path.chmod(0o600)
    hidden.parent.chmod(0o700)
    inbox.look()
    assert inbox.names() == ["a.png", "b.png"]


def test_links_are_not_followed(inbox: Inbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.png").write_bytes(picture("red"))
    (inbox.path / "folder").symlink_to(secret)
    (inbox.path / "file.png").symlink_to(secret / "s.png")
    os.mkfifo(inbox.path / "pipe.png")
    inbox.look(5)
    assert inbox.names() == []
    assert codes(inbox) == []


def test_a_root_that_becomes_a_link_out_of_what_is_allowed_is_not_looked_into(
    inbox: Inbox, rt: Runtime, tmp_path: Path
) -> None:
    root = tmp_path / "allowed"
    (root / "in").mkdir(parents=True)
    rt.settings = rt.settings.model_copy(update={"folders": [root]})
    inbox.set(settings={"path": str(root / "in")})
    inbox.look()
    secret = tmp_path / "secret"
    secret.mkdir()
    (root / "in").rmdir()
    (root / "in").symlink_to(secret)
    (secret / "s.png").write_bytes(picture("red"))
    inbox.look(5)
    assert inbox.names() == []
    assert codes(inbox)[-1] == "folder_not_allowed"


def test_our_own_store_below_a_watched_folder_is_left_alone(
    rt: Runtime, colours: Classifier, tmp_path: Path, alice: Person
) -> None:
    watchable(rt, tmp_path)
    inbox = Inbox.make(rt, colours, tmp_path)
    kept = rt.settings.data_dir / "workspaces" / "ws_other" / "sorted"
    kept.mkdir(parents=True)
    (kept / "theirs.png").write_bytes(picture("red"))
    inbox.drop("mine.png", seed=2)
    inbox.look()
    assert inbox.names() == ["mine.png"]


class _Killed(BaseException):
    """Stands for kill -9: nothing catches it, nothing after it runs."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_accepting_it_takes_the_picture_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    submit = predictions.submit

    def kill(*arguments: object, **named: object) -> object:
        if when == "after":
            submit(*arguments, **named)  # type: ignore[arg-type]
        raise _Killed

    inbox.drop("a.png")
    inbox.look(1)
    with monkeypatch.context() as patch:
        patch.setattr("workers.taking.predictions.submit", kill)
        with pytest.raises(_Killed):
            inbox.look()
    # Two may wait: the picture that was known already takes the place of no other.
    monkeypatch.setattr(quotas, "WAITING_HOLDS", 3600.0)
    inbox.rt.settings = inbox.rt.settings.model_copy(update={"max_waiting": 2})
    inbox.restart()
    inbox.look()
    assert inbox.names() == ["a.png"]
    inbox.drop("b.png", "blue")
    inbox.look()
    assert inbox.names() == ["a.png", "b.png"]


def test_killed_before_the_survey_was_written_down_it_surveys_anew(
    rt: Runtime, colours: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchable(rt, tmp_path / "in")
    (tmp_path / "in" / "old.png").write_bytes(picture("red"))
    grown_old(tmp_path / "in" / "old.png")
    inbox = Inbox.make(rt, colours, tmp_path / "in")

    def kill(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(watched_files, "record", kill)
        with pytest.raises(_Killed):
            inbox.look(1)
    inbox.restart()
    inbox.drop("new.png", seed=1)
    inbox.look()
    assert inbox.names() == ["new.png"]


def test_two_processes_do_not_watch_one_folder(inbox: Inbox) -> None:
    inbox.look(1)
    first = inbox.watcher
    inbox.start()
    inbox.drop("a.png")
    inbox.look()
    assert inbox.names() == []
    # The first one is stopped for longer than its lease: the other takes over.
    with inbox.rt.database.write() as session:
        session.get_one(WatchedFolder, inbox.source_id).lease_until = None
    inbox.look()
    assert inbox.names() == ["a.png"]
    first._renew_at = 0
    first.look()
    assert inbox.names() == ["a.png"]
    inbox.drop("a.png", seed=9)
    inbox.look()
    assert inbox.names() == ["a.png", "a.png"]
