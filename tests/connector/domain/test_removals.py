"""Bytes that come in while the same bytes go: every order of events, on either database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from aged import age, answered, left_over, lost, prune, sha256_of, submit
from at_once import SECONDS, meanwhile
from colours import picture
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Classifier, Example, Import, Prediction, Removal
from connector.db.types import utcnow
from connector.domain import derivatives, examples, images, removals, retention
from connector.domain.import_labels import parse_mode
from connector.domain.import_loop import Importer
from connector.domain.import_sources import folder
from connector.domain.predictions import SourceRef
from connector.errors import Gone, Unavailable
from connector.settings import Settings
from connector.storage import LocalBlobs
from workers.runtime import Runtime

DATA = picture("red")
RED = sha256_of(DATA)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"retention_days": 30})


class Meanwhile(LocalBlobs):
    """A store in which something happens just after the first put, or just before a delete."""

    def __init__(self, blobs: LocalBlobs, **happens: Callable[[], object]) -> None:
        super().__init__(blobs.root)
        self.happens = happens

    def put(self, data: bytes, sha256: str | None = None) -> str:
        kept = super().put(data, sha256)
        self.happens.pop("after_put", bool)()
        return kept

    def delete(self, sha256: str) -> None:
        self.happens.pop("before_delete", bool)()
        super().delete(sha256)
        self.happens.pop("after_delete", bool)()


@pytest.fixture
def old(rt: Runtime, api_source: SourceRef) -> str:
    """A picture that is old enough to go."""
    prediction_id = answered(rt, api_source)
    age(rt.database, prediction_id)
    return prediction_id


def with_store(rt: Runtime, **happens: Callable[[], object]) -> Runtime:
    return replace(rt, blobs=Meanwhile(LocalBlobs(rt.settings.blobs_dir), **happens))


def mark_all(rt: Runtime) -> None:
    """Do as a deleter that is killed before it deletes any bytes."""
    [policy] = _policies(rt)
    for ids in retention.pages(rt.database, rt.settings, policy):
        with rt.database.write() as session:
            retention.release(session, rt.settings, ids)


def _policies(rt: Runtime) -> list[retention.Policy]:
    with rt.database.read() as session:
        return retention.policies(session, rt.settings)


def patience(rt: Runtime) -> float:
    """How long who need not wait is given; on SQLite everybody does, and it is lost time."""
    return SECONDS if rt.database.is_sqlite else 30.0


def states(rt: Runtime) -> dict[str, str]:
    with rt.database.read() as session:
        return {row.sha256: row.state for row in session.scalars(select(Removal))}


def check(rt: Runtime, new: str) -> None:
    """The picture that was accepted is there, and stays when the deleter goes on."""
    assert lost(rt) == []
    prune(rt)
    assert lost(rt) == []
    with rt.database.read() as session:
        assert session.get_one(Prediction, new).image_deleted_at is None
    assert left_over(rt) == []


def test_deleted_just_after_the_same_bytes_were_put(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    new = submit(with_store(rt, after_put=lambda: prune(rt)), api_source, DATA)
    check(rt, new)


def test_marked_just_after_the_same_bytes_were_put(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    new = submit(with_store(rt, after_put=lambda: mark_all(rt)), api_source, DATA)
    check(rt, new)


def test_put_while_a_dead_deleter_has_marked_them(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    mark_all(rt)
    assert states(rt) == {RED: removals.DELETING}
    check(rt, submit(rt, api_source, DATA))
    assert states(rt) == {}


def test_put_after_a_deleter_died_with_the_bytes_gone(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    mark_all(rt)
    rt.blobs.delete(RED)
    check(rt, submit(rt, api_source, DATA))


def test_put_while_the_deleter_stands_before_its_deed(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    """It stands there however long it likes: the rescue waits for it, and comes after it."""
    stands, go_on = threading.Event(), threading.Event()

    def stand() -> None:
        stands.set()
        assert go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        deleting = pool.submit(prune, with_store(rt, before_delete=stand))
        assert stands.wait(30)
        accepting = pool.submit(submit, rt, api_source, DATA)
        assert not accepting.done()
        go_on.set()
        deleting.result(timeout=30)
        check(rt, accepting.result(timeout=30))


def test_deleted_in_the_middle_of_a_rescue(rt: Runtime, api_source: SourceRef, old: str) -> None:
    """Who rescues is not deleted away, however often somebody tries."""
    mark_all(rt)
    puts: list[int] = []

    class Trying(LocalBlobs):
        def put(self, data: bytes, sha256: str | None = None) -> str:
            kept = super().put(data, sha256)
            puts.append(removals.finish(rt.database, rt.blobs))
            return kept

    trying = replace(rt, blobs=Trying(rt.settings.blobs_dir))
    check(rt, submit(trying, api_source, DATA))
    assert puts == [1, 0]


def test_a_rescue_that_never_ends_is_one_no_more(
    rt: Runtime, api_source: SourceRef, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune(rt)
    with pytest.raises(MemoryError):
        submit(with_store(rt, after_put=lambda: _die(rt)), api_source, DATA)
    assert states(rt) == {RED: removals.GONE}
    rt.blobs.put(DATA)
    removals._rescue(rt.database, RED)
    assert removals.finish(rt.database, rt.blobs) == 0
    with rt.database.write() as session:
        session.execute(update(Removal).values(rescue_until=utcnow() - timedelta(seconds=1)))
    assert removals.finish(rt.database, rt.blobs) == 1
    assert not rt.blobs.exists(RED)
    check(rt, submit(rt, api_source, DATA))


def _die(rt: Runtime) -> None:
    raise MemoryError


def test_a_late_rescue_is_refused_and_begins_anew(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    """Its time ran out while it stood: the bytes it had put went, so its token opens nothing."""
    prune(rt)

    def late() -> None:
        with rt.database.write() as session:
            session.execute(update(Removal).values(rescue_until=utcnow() - timedelta(seconds=1)))
        removals.finish(rt.database, rt.blobs)

    class Late(LocalBlobs):
        puts = 0

        def put(self, data: bytes, sha256: str | None = None) -> str:
            kept = super().put(data, sha256)
            self.puts += 1
            if self.puts == 2:
                late()
            return kept

    slow = Late(rt.settings.blobs_dir)
    check(rt, submit(replace(rt, blobs=slow), api_source, DATA))
    assert slow.puts == 3


def test_nobody_marks_what_is_just_being_accepted(
    rt: Runtime, api_source: SourceRef, old: str
) -> None:
    with rt.database.read() as session:
        image = session.get_one(Prediction, old).image_id
    info = examples.pictures.inspect(DATA, rt.settings)

    def accept(session: object) -> str:
        return images.image_id(session, api_source.workspace_id, RED, len(DATA), info)  # type: ignore[arg-type]

    seconds = patience(rt)
    kept, released, in_time = meanwhile(rt.database, accept, lambda: prune(rt), seconds)
    assert kept == image
    # On PostgreSQL it leaves that picture out; SQLite's writers wait for each other.
    assert in_time != rt.database.is_sqlite
    assert released.pictures == (1 if rt.database.is_sqlite else 0)


def test_an_example_and_an_import_put_again_what_was_deleted(
    rt: Runtime, old: str, colours: Classifier, tmp_path: object
) -> None:
    from pathlib import Path

    heap = Path(str(tmp_path)) / "heap"
    (heap / "red").mkdir(parents=True)
    (heap / "red/1.png").write_bytes(DATA)
    (heap / "red/2.png").write_bytes(DATA)
    (heap / "red/3.png").write_bytes(picture("red", seed=3))
    store = with_store(rt, after_put=lambda: prune(rt)).blobs
    importer = Importer(rt.database, store, rt.settings, colours.id, origin="import")
    report = importer.run(folder(heap, 1_000_000), parse_mode("folders"))
    assert (report.added, report.duplicates) == (2, 1)
    assert lost(rt) == []
    assert rt.blobs.exists(RED)
    assert states(rt) == {}


def test_what_an_action_keeps_is_put_again(rt: Runtime, old: str, api_source: SourceRef) -> None:
    new = answered(rt, api_source, "blue")
    store = with_store(rt, after_put=lambda: prune(rt)).blobs
    assert derivatives.keep(rt.database, store, new, DATA) == RED
    assert rt.blobs.exists(RED)
    prune(rt)
    assert rt.blobs.exists(RED)
    age(rt.database, new)
    prune(rt)
    assert not rt.blobs.exists(RED)
    assert left_over(rt) == []


def test_who_needs_an_old_picture_again_holds_it(
    rt: Runtime, old: str, api_source: SourceRef
) -> None:
    def hold(session: object) -> None:
        images.hold(session, session.get_one(Prediction, old))  # type: ignore[attr-defined, arg-type]

    _, released, in_time = meanwhile(rt.database, hold, lambda: prune(rt), patience(rt))
    assert in_time != rt.database.is_sqlite
    assert released.predictions == (1 if rt.database.is_sqlite else 0)
    prune(rt)
    with rt.database.write() as session, pytest.raises(Gone):
        hold(session)


def test_while_the_store_is_away_what_was_marked_waits(
    rt: Runtime, old: str, api_source: SourceRef
) -> None:
    def away() -> None:
        raise Unavailable("It is away.", code="storage_unreachable")

    with pytest.raises(Unavailable):
        prune(with_store(rt, before_delete=away))
    assert states(rt) == {RED: removals.DELETING}
    with pytest.raises(Gone), rt.database.read() as session:
        images.check_kept(session.get_one(Prediction, old))
    prune(rt)
    assert left_over(rt) == []


def test_whoever_cannot_put_again_is_told_to_send_it_again(
    rt: Runtime, old: str, colours: Classifier, database: Database
) -> None:
    mark_all(rt)
    with pytest.raises(removals.BeingRemoved, match="send it again"), database.write() as session:
        examples.add_example(session, rt.blobs, rt.settings, colours, DATA, "red", "", "api")
    with database.read() as session:
        assert session.scalars(select(Example.id)).all() == []
        assert session.scalars(select(Import.id)).all() == []
