"""What our own actions write into a watched folder is never taken for something new."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acting import actions, add_rule, run
from colours import picture
from sqlalchemy import update
from watching import Inbox, watchable

from connector.actions import placing
from connector.db.tables import Action, Classifier, WrittenFile
from connector.db.types import utcnow
from connector.domain import effects
from workers.runtime import Runtime


@pytest.fixture
def inbox(rt: Runtime, colours: Classifier, tmp_path: Path) -> Inbox:
    """Alice's classifier watches a folder and those in it."""
    return Inbox.make(watchable(rt, tmp_path / "in"), colours, tmp_path / "in")


def into(inbox: Inbox, kind: str = "move") -> dict[str, Any]:
    return {"kind": kind, "params": {"folder": f"{inbox.path}/{{label}}"}}


ROTATE = {"kind": "rotate", "params": {"degrees": 90}}


def undo_all(inbox: Inbox) -> None:
    for one in inbox.predictions():
        with inbox.rt.database.write() as session:
            effects.request_undo_all(session, one.workspace_id, one.id)
    run(inbox.rt)


@pytest.mark.parametrize("look", [0, 3], ids=["unseen", "seen"])
@pytest.mark.parametrize(
    "kinds", [("move",), ("copy",), ("rotate",), ("rotate", "move"), ("copy", "rotate")]
)
def test_rules_within_the_folder_do_not_loop_nor_do_their_undoings(
    inbox: Inbox, kinds: tuple[str, ...], look: int
) -> None:
    add_rule(
        inbox.rt, inbox.classifier, *(ROTATE if k == "rotate" else into(inbox, k) for k in kinds)
    )
    inbox.drop("a.jpg", "red", kind="JPEG", size=(48, 32))
    inbox.look()
    run(inbox.rt)
    inbox.look(look)
    (taken,) = inbox.predictions()
    assert [one.status for one in actions(inbox.rt, taken.id)] == ["done"] * len(kinds)
    undo_all(inbox)
    assert {one.status for one in actions(inbox.rt, taken.id)} == {"undone"}
    inbox.look(4)
    inbox.restart()
    inbox.look(4)
    assert inbox.names() == ["a.jpg"]


def test_many_moves_settle_with_one_prediction_each(inbox: Inbox) -> None:
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    for number in range(6):
        inbox.drop(f"{number}/same.png", "green", seed=number)
    for _ in range(4):
        inbox.look()
        run(inbox.rt)
    assert len(inbox.predictions()) == 6
    sorted_ones = {path.name for path in (inbox.path / "green").iterdir()}
    assert len(sorted_ones) == 6


def test_what_a_person_changes_after_us_is_taken(inbox: Inbox) -> None:
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    inbox.drop("a.png", "red")
    inbox.look()
    run(inbox.rt)
    inbox.look()
    moved = inbox.path / "red" / "a.png"
    moved.write_bytes(picture("blue"))
    inbox.look()
    assert len(inbox.predictions()) == 2
    run(inbox.rt)
    inbox.look()
    assert (inbox.path / "blue" / "a.png").is_file()
    assert len(inbox.predictions()) == 2


def test_the_same_picture_brought_again_after_we_moved_it_is_taken_again(inbox: Inbox) -> None:
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    for times in range(1, 4):
        inbox.drop("a.png", "red")
        inbox.look()
        # Not seen to be gone in between: moved away and brought again within one look.
        run(inbox.rt)
        assert len(inbox.predictions()) == times
    inbox.look()
    assert len(list((inbox.path / "red").iterdir())) == 3
    assert len(inbox.predictions()) == 3


@pytest.mark.parametrize("same_inode", [False, True])
def test_brought_again_after_an_undo_it_is_taken_again(
    inbox: Inbox, tmp_path: Path, same_inode: bool
) -> None:
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    path = inbox.drop("a.png", "red")
    os.link(path, tmp_path / "first")
    inbox.look()
    run(inbox.rt)
    undo_all(inbox)
    if same_inode:
        # As file systems do that give a freed inode to the next file; the undo keeps the time.
        (tmp_path / "first").replace(path)
    inbox.look()
    assert path.is_file()
    path.unlink()
    inbox.look()
    inbox.drop("a.png", "red")
    inbox.look()
    assert len(inbox.predictions()) == 2


class _Killed(BaseException):
    """Stands for kill -9 of the worker that acts."""


def _die_after(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, after whose first run its worker is dead."""
    died: list[bool] = []

    def run(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        if not died:
            died.append(True)
            raise _Killed
        return value

    return run


@pytest.mark.parametrize(
    ("where", "name"),
    [(os, "link"), (placing, "sync_folder"), (placing, "matches"), (effects, "finish")],
    ids=["linked", "synced", "deleting", "done"],
)
def test_a_move_that_was_killed_anywhere_leaves_nothing_to_take(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    inbox.rt.settings = inbox.rt.settings.model_copy(update={"lease_seconds": 0.05})
    inbox.restart()
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    inbox.drop("a.png", "red")
    inbox.look()
    with monkeypatch.context() as patch:
        patch.setattr(where, name, _die_after(getattr(where, name)))
        # The action's thread dies, which its worker takes for an action that broke off.
        run(inbox.rt)
        inbox.look(4)
        assert len(inbox.predictions()) == 1
    while len(list((inbox.path / "red").glob("a*.png"))) != 1 or pending(inbox):
        run(inbox.rt)
        inbox.look()
    inbox.look(4)
    assert len(inbox.predictions()) == 1
    assert not (inbox.path / "a.png").exists()


def pending(inbox: Inbox) -> bool:
    (taken,) = inbox.predictions()
    return any(one.pending for one in actions(inbox.rt, taken.id))


def test_a_half_written_file_of_ours_waits_for_its_action(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a drive without hard links the file grows under its final name, and may stop half-way."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    def half(source: Any, path: Path) -> None:
        with source.open() as whole:
            path.write_bytes(whole.read(300))
        raise _Killed

    add_rule(inbox.rt, inbox.classifier, into(inbox))
    inbox.drop("a.png", "red")
    inbox.look()
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", no_links)
        patch.setattr(placing, "write_new", half)
        run(inbox.rt)
    assert (inbox.path / "red" / "a.png").stat().st_size == 300
    inbox.look(20)
    assert len(inbox.predictions()) == 1
    with inbox.rt.database.write() as session:
        session.execute(update(Action).values(lease_until=utcnow()))
    while pending(inbox):
        run(inbox.rt)
    inbox.look(4)
    assert len(inbox.predictions()) == 1
    assert inbox.shown()["refused"] == 0


def test_the_note_is_there_before_the_file_and_there_is_one_for_each_phase(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rule(inbox.rt, inbox.classifier, into(inbox))
    inbox.drop("a.png", "red")
    inbox.look()
    noted: list[int] = []

    def count_then_link(source: Any, target: Any, **named: Any) -> None:
        with inbox.rt.database.read() as session:
            noted.append(session.query(WrittenFile).count())
        link(source, target, **named)

    link = os.link
    monkeypatch.setattr(os, "link", count_then_link)
    run(inbox.rt)
    undo_all(inbox)
    assert noted == [1, 2]
    with inbox.rt.database.read() as session:
        assert session.query(WrittenFile).count() == 2
        assert session.query(Action).count() == 1
