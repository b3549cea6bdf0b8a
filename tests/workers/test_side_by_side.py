"""Actions of many pictures at once: in order for each, once each, and none waits for another's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from acting import MOVE, actions, add_rule, run, send
from colours import LABELS
from sqlalchemy import func, select, update

import connector.actions
from connector.actions import Action as ActionKind
from connector.actions import ActionParams, Context, Location, Outcome
from connector.db import Database
from connector.db.tables import Action, Classifier
from connector.db.types import utcnow
from connector.domain import effects, turns
from connector.domain.predictions import SourceRef
from connector.errors import ActionFailed
from workers import act, classify
from workers.runtime import Runtime

SOON = 20.0


class Note(ActionParams):
    """What to note."""

    text: str = "noted"


class Watched(ActionKind[Note]):
    """An action that says when it begins and ends, and does between what a test wants."""

    kind: ClassVar[str] = "watched"
    undoable: ClassVar[bool] = True
    Params = Note

    def __init__(self) -> None:
        self.log: list[tuple[str, str, str]] = []
        self.between: Callable[[Note, Context], None] = lambda _params, _context: None

    def describe(self, params: Note) -> str:
        return f"Notes “{params.text}”."

    def execute(self, params: Note, location: Location, ctx: Context) -> Outcome:
        self.log.append((ctx.prediction["id"], params.text, "begin"))
        self.between(params, ctx)
        self.log.append((ctx.prediction["id"], params.text, "end"))
        return Outcome(None, {})

    def undo(
        self, params: Note, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        self.log.append((ctx.prediction["id"], params.text, "undo"))
        return Outcome(None, {})

    def of(self, prediction_id: str) -> list[tuple[str, str]]:
        """Return what happened to one picture."""
        return [(text, what) for one, text, what in self.log if one == prediction_id]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    kind = Watched()
    kinds = {**connector.actions.registry(), kind.kind: kind}
    monkeypatch.setattr(connector.actions, "registry", lambda: kinds)
    return kind


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """An event that is set when the test ends, so that no thread hangs on."""
    event = threading.Event()
    yield event
    event.set()


def watch(*texts: str) -> list[dict[str, Any]]:
    return [{"kind": "watched", "params": {"text": text}} for text in texts]


def send_all(rt: Runtime, source: SourceRef, count: int) -> list[str]:
    """Hand in pictures of all colours and classify them; what is to be done is planned then."""
    colours = [LABELS[number % len(LABELS)] for number in range(count)]
    ids = [send(rt, source, colour, seed=number) for number, colour in enumerate(colours)]
    while classify.step(rt):
        pass
    return ids


def step_until(rt: Runtime, condition: Callable[[], bool]) -> None:
    """Step while there is anything to do; the condition must come true by that."""
    while not condition():
        assert act.step(rt)


def expire_leases(rt: Runtime) -> None:
    with rt.database.write() as session:
        statement = update(Action).where(Action.lease_until.is_not(None))
        session.execute(statement.values(lease_until=utcnow() - timedelta(seconds=1)))


def test_pictures_side_by_side_and_each_ones_actions_in_order(
    rt: Runtime, colours: Classifier, api_source: SourceRef, watched: Watched
) -> None:
    add_rule(rt, colours, *watch("first", "second"))
    add_rule(rt, colours, *watch("third"))
    # Nobody gets past the barrier unless all are in hand at the same time.
    barrier = threading.Barrier(act.AT_ONCE)
    watched.between = lambda *_: barrier.wait(SOON) and None
    ids = send_all(rt, api_source, act.AT_ONCE)
    run(rt)
    order = [(text, what) for text in ("first", "second", "third") for what in ("begin", "end")]
    assert [watched.of(one) for one in ids] == [order] * len(ids)
    assert {one.status for each in ids for one in actions(rt, each)} == {"done"}


def test_one_that_hangs_holds_up_none_of_the_others(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    watched: Watched,
    let_go: threading.Event,
) -> None:
    add_rule(rt, colours, *watch("first", "second"))
    ids = send_all(rt, api_source, 2 * act.AT_ONCE)
    hangs, others = ids[0], ids[1:]

    def between(params: Note, context: Context) -> None:
        if context.prediction["id"] == hangs:
            assert let_go.wait(SOON)

    watched.between = between

    def others_done() -> bool:
        return all(one.status == "done" for each in others for one in actions(rt, each))

    step_until(rt, others_done)
    assert watched.of(hangs) == [("first", "begin")]
    # What comes later is not held up either.
    later = send_all(rt, api_source, 3)[-1]
    step_until(rt, lambda: actions(rt, later)[-1].status == "done")
    let_go.set()
    run(rt)
    assert [one.status for one in actions(rt, hangs)] == ["done", "done"]


def test_one_that_fails_or_breaks_harms_no_other(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    watched: Watched,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_rule(rt, colours, *watch("first", "second"))
    ids = send_all(rt, api_source, 6)
    errors = {ids[0]: ActionFailed("It cannot be done."), ids[1]: RuntimeError("a mistake of ours")}

    def between(params: Note, context: Context) -> None:
        if error := errors.get(context.prediction["id"]):
            raise error

    watched.between = between
    run(rt)
    statuses = {each: [one.status for one in actions(rt, each)] for each in ids}
    assert statuses.pop(ids[0]) == ["failed", "failed"]
    assert statuses.pop(ids[1]) == ["planned", "planned"]
    assert list(statuses.values()) == [["done", "done"]] * 4
    assert "a mistake of ours" in caplog.text
    # A mistake leaves the lease to run out: it counts a strike, and is tried again until too many.
    errors.clear()
    expire_leases(rt)
    run(rt)
    assert [(one.status, one.strikes) for one in actions(rt, ids[1])] == [("done", 1), ("done", 0)]


def test_two_workers_do_nothing_twice(
    rt: Runtime, colours: Classifier, api_source: SourceRef, watched: Watched, database_url: str
) -> None:
    add_rule(rt, colours, *watch("first"), MOVE, *watch("last"))
    ids = send_all(rt, api_source, 40)
    other = Runtime(rt.settings, Database(database_url), rt.blobs)

    def all_done() -> bool:
        with rt.database.read() as session:
            return not session.scalar(select(func.count()).where(Action.status != "done"))

    def work(one: Runtime) -> None:
        while not all_done():
            act.step(one)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (rt, other)))
    other.database.close()
    assert sorted(watched.log) == sorted(
        (each, text, what)
        for each in ids
        for text in ("first", "last")
        for what in ("begin", "end")
    )
    files = [path for path in rt.settings.sorted_dir.rglob("*") if path.is_file()]
    assert len(files) == len(ids)


def test_those_a_worker_died_with_run_one_at_a_time(
    rt: Runtime, colours: Classifier, api_source: SourceRef, watched: Watched
) -> None:
    add_rule(rt, colours, *watch("first"))
    send_all(rt, api_source, 3)
    with rt.database.write() as session:
        died_with = turns.claim(session, limit=8, seconds=60, suspects=1)
    assert [turn.suspect for turn in died_with] == [False] * 3
    expire_leases(rt)
    send_all(rt, api_source, 2)
    with rt.database.write() as session:
        found = turns.claim(session, limit=8, seconds=60, suspects=1)
        assert [turn.suspect for turn in found] == [True, False, False]
        assert turns.claim(session, limit=8, seconds=60, suspects=0) == []
    expire_leases(rt)
    inside: set[str] = set()
    met: list[bool] = []
    coming = threading.Condition()

    def between(params: Note, context: Context) -> None:
        with coming:
            inside.add(context.prediction["id"])
            coming.notify_all()
            # Long enough for another to come in, if one were let.
            met.append(coming.wait_for(lambda: len(inside) > 1, 0.1))
            inside.remove(context.prediction["id"])

    watched.between = between
    run(rt)
    assert met == [False] * 5


def test_an_undo_and_what_is_in_hand_never_meet(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    watched: Watched,
    let_go: threading.Event,
) -> None:
    add_rule(rt, colours, *watch("first", "second", "third"))

    def between(params: Note, _context: Context) -> None:
        if params.text == "second":
            assert let_go.wait(SOON)

    watched.between = between
    [prediction_id] = send_all(rt, api_source, 1)
    step_until(rt, lambda: ("second", "begin") in watched.of(prediction_id))
    with rt.database.write() as session:
        first = actions(rt, prediction_id)[0]
        effects.request_undo(session, colours.workspace_id, first.id)
    with rt.database.write() as session:
        assert turns.claim(session, limit=8, seconds=60, suspects=1) == []
    let_go.set()
    run(rt)
    assert [text for text, what in watched.of(prediction_id) if what != "end"] == [
        "first",
        "second",
        "first",
        "third",
    ]
