"""What lies in a watched folder is taken once, when it is complete."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from colours import picture
from sqlalchemy import func, select
from watching import Inbox, grown_old, touch, watchable

from connector.db import tallies
from connector.db.tables import Classifier, Source, Tally
from connector.domain import sources, watched
from workers import classify
from workers.runtime import Runtime


@pytest.fixture
def inbox(rt: Runtime, colours: Classifier, tmp_path: Path) -> Inbox:
    """Alice's classifier watches a folder."""
    return Inbox.make(watchable(rt, tmp_path / "in"), colours, tmp_path / "in")


def test_a_complete_file_is_taken_once_with_its_place(inbox: Inbox) -> None:
    path = inbox.drop("sub/Foto ä.png", "blue")
    inbox.look(6)
    (taken,) = inbox.predictions()
    assert taken.name == "Foto ä.png"
    assert (taken.location["kind"], taken.location["path"]) == ("local", str(path))
    assert classify.step(inbox.rt) == 1
    shown = inbox.shown()
    assert (shown["accepted"], shown["refused"]) == (1, 0)
    with inbox.rt.database.read() as session:
        name, labels = tallies.key("accepted", way="folder")
        counted = select(func.sum(Tally.value)).where(Tally.name == name, Tally.labels == labels)
        assert session.scalar(counted) == 1
    assert shown["watching"]["state"] == "watching"


def test_one_look_alone_takes_nothing(inbox: Inbox) -> None:
    inbox.drop("a.png")
    inbox.look(1)
    assert inbox.names() == []
    inbox.look(2)
    assert inbox.names() == ["a.png"]


def test_a_file_that_grows_waits_until_it_is_whole(inbox: Inbox) -> None:
    data, path = picture("red"), inbox.path / "a.png"
    path.touch()
    inbox.look(5)
    with path.open("ab") as stream:
        for start in range(0, len(data), 200):
            stream.write(data[start : start + 200])
            stream.flush()
            inbox.look(1)
            assert inbox.names() == []
    inbox.look()
    assert inbox.names() == ["a.png"]
    assert inbox.shown()["refused"] == 0


@pytest.mark.parametrize("name", [".a.png", "a.png.part", "a.png.tmp", "~a.png", "a.png~", "a.txt"])
def test_names_of_unfinished_files_are_left_alone_until_they_are_final(
    inbox: Inbox, name: str
) -> None:
    path = inbox.path / name
    path.write_bytes(picture("red"))
    inbox.look(5)
    assert inbox.names() == []
    path.rename(inbox.path / "final.png")
    inbox.look()
    assert inbox.names() == ["final.png"]


def test_other_content_under_the_same_name_is_another_picture(inbox: Inbox) -> None:
    path = inbox.drop("scan.png", seed=1)
    inbox.look()
    path.write_bytes(picture("red", seed=2))
    inbox.look()
    inbox.drop("scan.png", seed=1)
    inbox.look(5)
    hashes = [one.location["sha256"] for one in inbox.predictions()]
    assert len(hashes) == 3
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_file_that_is_only_touched_is_not_taken_again(inbox: Inbox) -> None:
    path = inbox.drop("a.png")
    inbox.look()
    touch(path)
    inbox.look()
    path.write_bytes(path.read_bytes())
    inbox.look()
    inbox.drop("a.png")
    inbox.look()
    inbox.restart()
    touch(path)
    inbox.look()
    assert inbox.names() == ["a.png"]


def test_a_renamed_file_stays_the_same_picture_and_is_found_by_actions(inbox: Inbox) -> None:
    path = inbox.drop("a.png")
    inbox.look()
    (inbox.path / "deep").mkdir()
    # Each name that it had is remembered: only the last one leads to its picture.
    for name in ("b.png", "c.png", "deep/d.png", "e.png"):
        path = path.rename(inbox.path / name)
        inbox.look()
        inbox.restart()
    (taken,) = inbox.predictions()
    assert taken.location["path"] == str(path)


def test_a_copy_is_a_picture_of_its_own(inbox: Inbox) -> None:
    path = inbox.drop("a.png")
    inbox.look()
    shutil.copy2(path, inbox.path / "b.png")
    os.link(path, inbox.path / "c.png")
    inbox.look()
    assert inbox.names() == ["a.png", "b.png", "c.png"]


class TestWhatLayThereBefore:
    def test_is_taken_on_request_alone(
        self, rt: Runtime, colours: Classifier, tmp_path: Path
    ) -> None:
        folder = tmp_path / "in"
        watchable(rt, folder)
        (folder / "old.png").write_bytes(picture("red"))
        grown_old(folder / "old.png")
        inbox = Inbox.make(rt, colours, folder)
        # Before the first look, but after the source was made.
        inbox.drop("new.png", seed=1)
        inbox.look()
        assert inbox.names() == ["new.png"]
        inbox.restart()
        inbox.look()
        assert inbox.names() == ["new.png"]
        with rt.database.write() as session:
            watched.scan(session, session.get_one(Source, inbox.source_id))
        inbox.look(5)
        assert inbox.names() == ["new.png", "old.png"]

    def test_is_taken_if_that_was_said_when_the_source_was_made(
        self, rt: Runtime, colours: Classifier, tmp_path: Path
    ) -> None:
        folder = tmp_path / "in"
        watchable(rt, folder)
        (folder / "old.png").write_bytes(picture("red"))
        inbox = Inbox.make(rt, colours, folder, take_existing=True)
        inbox.look()
        assert inbox.names() == ["old.png"]

    def test_is_what_new_settings_cover_and_the_old_did_not(self, inbox: Inbox) -> None:
        inbox.set(settings={"path": str(inbox.path), "recursive": False})
        inbox.look(2)
        grown_old(inbox.drop("sub/before.png", seed=1))
        inbox.drop("arrived.png", seed=2)
        inbox.set(settings={"path": str(inbox.path)})
        inbox.look()
        inbox.drop("sub/after.png", seed=3)
        inbox.look()
        assert inbox.names() == ["after.png", "arrived.png"]


def test_a_paused_source_takes_nothing_and_loses_nothing(inbox: Inbox) -> None:
    inbox.drop("a.png")
    inbox.look(2)
    inbox.set(state=sources.PAUSED)
    inbox.drop("b.png", seed=1)
    inbox.look()
    with inbox.rt.database.read() as session:
        assert watched.active(session) == []
    before = inbox.names()
    inbox.set(state=sources.ACTIVE)
    inbox.watcher._held_back_until = 0
    inbox.look()
    assert before in ([], ["a.png"])
    assert inbox.names() == ["a.png", "b.png"]


def test_a_quota_that_is_reached_makes_it_wait_and_lose_nothing(inbox: Inbox) -> None:
    inbox.rt.settings = inbox.rt.settings.model_copy(update={"max_waiting": 2})
    inbox.start()
    for number in range(5):
        inbox.drop(f"{number}.png", seed=number)
    inbox.look()
    assert len(inbox.names()) == 2
    shown = inbox.shown()
    assert (shown["watching"]["state"], shown["watching"]["code"]) == (
        "waiting",
        "too_many_waiting",
    )
    assert shown["refused"] == 0
    while len(inbox.names()) < 5:
        assert classify.step(inbox.rt)
        inbox.restart()
        inbox.look()
    assert inbox.shown()["watching"]["state"] == "watching"


def test_a_classifier_without_a_model_lets_files_wait(inbox: Inbox) -> None:
    with inbox.rt.database.write() as session:
        session.get_one(Classifier, inbox.classifier.id).live_version = None
    inbox.drop("a.png")
    inbox.look()
    assert inbox.shown()["watching"]["code"] == "no_model"
    with inbox.rt.database.write() as session:
        session.get_one(Classifier, inbox.classifier.id).live_version = 1
    inbox.restart()
    inbox.look()
    assert inbox.names() == ["a.png"]
