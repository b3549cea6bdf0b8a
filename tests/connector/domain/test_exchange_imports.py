"""Imports from other tools: whatever the pictures lie in, going on after a crash, and reasons."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from conftest import Person
from loopback import Loopback, Talk, answer
from sorted_pictures import counts, picture, zipped
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Classifier, Example, Image, Import, Label
from connector.db.types import utcnow
from connector.domain import classifiers, examples, exchange_imports, exports, imports
from connector.domain.exchange_fetching import PATIENCE
from connector.domain.exchange_imports import Options
from connector.domain.exports import Wanted
from connector.domain.import_loop import Report
from connector.errors import ColabelError, NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Desk:
    """Queues imports from other tools, and works on them as the worker does."""

    def __init__(self, database: Database, blobs: LocalBlobs, settings: Settings) -> None:
        self.where = database, blobs, settings
        self.database, self.blobs, self.settings = self.where

    def queue(
        self, row: Classifier, data: bytes, pictures: bytes | None = None, **options: Any
    ) -> str:
        beside = None if pictures is None else io.BytesIO(pictures)
        return exchange_imports.create(
            self.database,
            self.blobs,
            row.workspace_id,
            row.id,
            io.BytesIO(data),
            beside,
            Options(**options),
        ).id

    def work(self) -> Report:
        with self.database.write() as session:
            claimed = imports.claim(session, 60)
        assert claimed is not None
        return exchange_imports.run_import(*self.where, claimed)

    def run(self, row: Classifier, data: bytes, *args: Any, **options: Any) -> Report:
        self.queue(row, data, *args, **options)
        return self.work()

    def give(self, row: Classifier, data: bytes, label: str | None, name: str) -> None:
        with self.database.write() as session:
            held = session.get_one(Classifier, row.id)
            examples.add_example(
                session, self.blobs, self.settings, held, data, label, name, "page"
            )

    def labels(self, row: Classifier) -> dict[str, str | None]:
        """Return label by content."""
        statement = (
            select(Image.sha256, Label.name)
            .join(Example, Example.image_id == Image.id)
            .outerjoin(Label, Label.id == Example.label_id)
            .where(Example.classifier_id == row.id)
        )
        with self.database.read() as session:
            return dict(session.execute(statement).all())


@pytest.fixture
def desk(database: Database, blobs: LocalBlobs, settings: Settings) -> Desk:
    local = settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    return Desk(database, blobs, local)


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], Loopback]]:
    with ExitStack() as servers:
        yield lambda talk: servers.enter_context(closing(Loopback(talk)))


def task(image: str, *labels: str, identity: int = 1, **data: Any) -> dict[str, Any]:
    result = [{"from_name": "label", "type": "choices", "value": {"choices": list(labels)}}]
    annotations = [{"result": result, "completed_by": {"email": "ann@example.com"}}]
    return {
        "id": identity,
        "data": {"image": image, **data},
        "annotations": annotations if labels else [],
    }


def tasks(*several: dict[str, Any]) -> bytes:
    return json.dumps(several).encode()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def codes(report: Report) -> list[tuple[str, str]]:
    return [(one.name, one.code) for one in report.problems]


@pytest.mark.parametrize("root", ["", "/data/local-files/?d=x"])
def test_a_round_trip_into_another_classifier(
    desk: Desk, insects: Classifier, bare_two: Classifier, root: str
) -> None:
    for seed, (label, name) in enumerate([("ant", "1.png"), ("bee", "1.png"), (None, "ウ.png")]):
        desk.give(insects, picture(seed), label, name)
    made = exports.export(
        *desk.where, insects.workspace_id, insects.id, Wanted("label_studio", root=root)
    )
    report = desk.run(bare_two, b"".join(made.chunks))
    assert (report.added, report.problems, report.notes) == (3, (), ())
    assert desk.labels(bare_two) == desk.labels(insects)
    again = exports.export(*desk.where, insects.workspace_id, insects.id, Wanted("csv"))
    report = desk.run(bare_two, b"".join(again.chunks))
    assert (report.used, report.duplicates, report.problems) == (0, 3, ())


@pytest.fixture
def bare_two(database: Database, alice: Person) -> Classifier:
    """Another classifier of Alice's, without labels."""
    with database.write() as session:
        return classifiers.create_classifier(session, alice.workspace_id, name="Others")


def test_pictures_of_another_workspace_are_not_found_by_their_hash(
    desk: Desk, insects: Classifier, database: Database, charlie: Person
) -> None:
    desk.give(insects, picture(1), "ant", "1.png")
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
    with pytest.raises(Unprocessable, match="none could be used"):
        desk.run(his, tasks(task("/x/1.png", "ant", sha256=sha(picture(1)))))
    assert desk.labels(his) == {}


def test_pictures_in_a_zip_beside_the_file(desk: Desk, insects: Classifier) -> None:
    beside = zipped({"a/1.png": picture(1), "b/1.png": picture(2), "cat.png": picture(3)})
    data = tasks(
        task("/data/local-files/?d=set/b/1.png", "bee", identity=1),
        task("/data/upload/4/0a1b2c3d-cat.png", "ant", identity=2),
        task("/elsewhere/1.png", "ant", identity=3),
    )
    report = desk.run(insects, data, beside)
    assert desk.labels(insects) == {sha(picture(2)): "bee", sha(picture(3)): "ant"}
    assert codes(report) == [("task 3: 1.png", "ambiguous_name")]
    with desk.database.read() as session:
        rows = session.execute(select(Example.name, Example.labelled_by)).all()
    assert sorted(tuple(row) for row in rows) == [
        ("0a1b2c3d-cat.png", "ann@example.com"),
        ("1.png", "ann@example.com"),
    ]


def test_one_zip_of_everything(desk: Desk, insects: Classifier) -> None:
    whole = zipped({"project-1.json": tasks(task("/x/1.png", "ant")), "1.png": picture(1)})
    assert desk.run(insects, whole).added == 1
    with pytest.raises(Unprocessable, match="one file of labels"):
        desk.queue(insects, zipped({"1.png": picture(1)}))
    with pytest.raises(Unprocessable, match=r"a\.json, b\.csv"):
        desk.queue(insects, zipped({"a.json": b"[]", "b.csv": b""}))


def test_pictures_that_are_here_are_found_by_name(desk: Desk, insects: Classifier) -> None:
    desk.give(insects, picture(1), None, "1.png")
    desk.give(insects, picture(2), "ant", "2.png")
    desk.give(insects, picture(3), "ant", "twice.png")
    desk.give(insects, picture(4), "ant", "twice.png")
    table = b"file,label\n1.png,bee\nsome/2.png,wasp\ntwice.png,bee\nnone.png,bee\n"
    report = desk.run(insects, table)
    assert (report.added, report.labelled, report.relabelled) == (0, 1, 1)
    assert codes(report) == [
        ("twice.png", "ambiguous_name"),
        ("none.png", "picture_not_found"),
    ]
    assert desk.labels(insects)[sha(picture(1))] == "bee"
    assert desk.labels(insects)[sha(picture(2))] == "wasp"
    with desk.database.read() as session:
        shown = imports.resource(session, session.scalars(select(Import)).one(), "")
    assert (shown["added"], shown["labelled"], shown["skipped"]) == (2, 2, 2)
    assert [one["name"] for one in shown["problems"]] == ["none.png", "twice.png"]


@SQLITE
def test_pictures_are_fetched_from_their_addresses(
    desk: Desk, insects: Classifier, serve: Callable[[Talk], Loopback]
) -> None:
    server = serve(answer(picture(1), "Content-Type: image/png"))
    data = tasks(task(f"{server.url}pictures/cat.png?x=1", "ant"))
    assert desk.run(insects, data).added == 1
    assert desk.labels(insects) == {sha(picture(1)): "ant"}
    before = server.connections
    with pytest.raises(Unprocessable, match="none could be used"):
        desk.run(insects, tasks(task(f"{server.url}dog.png", "ant")), fetch=False)
    assert server.connections == before


@SQLITE
def test_addresses_inside_and_our_own_are_not_asked(
    desk: Desk, settings: Settings, insects: Classifier
) -> None:
    strict = Desk(desk.database, desk.blobs, settings)
    strict.give(insects, picture(9), "ant", "known.png")
    data = tasks(
        task("http://169.254.169.254/latest/x.png", "ant", identity=1),
        task("s3://bucket/x.png", "ant", identity=2),
        task(f"{settings.public_url}/api/v1/x/image", "ant", identity=3),
        task("known.png", "bee", identity=4),
    )
    report = strict.run(insects, data)
    assert [code for _, code in codes(report)] == [
        "forbidden_address",
        "picture_not_found",
        "picture_not_found",
    ]
    assert "zip beside" in report.problems[1].reason


@SQLITE
def test_a_server_that_fails_is_left_alone(
    desk: Desk, insects: Classifier, serve: Callable[[Talk], Loopback]
) -> None:
    server = serve(answer(b"", status="503 Away"))
    desk.give(insects, picture(9), "ant", "known.png")
    several = [task(f"{server.url}{n}.png", "ant", identity=n) for n in range(40)]
    report = desk.run(insects, tasks(*several, task("known.png", "ant", identity=99)))
    assert PATIENCE <= server.connections <= PATIENCE + 2
    assert {code for _, code in codes(report)} == {"fetch_failed", "host_gave_up"}


@SQLITE
def test_labels_that_are_new_are_made_or_refused(desk: Desk, insects: Classifier) -> None:
    beside = zipped({f"{n}.png": picture(n) for n in range(2)})
    data = tasks(task("0.png", "moth", identity=1), task("1.png", "ant", identity=2))
    report = desk.run(insects, data, beside, new_labels="known")
    assert codes(report) == [("task 1: 0.png", "unknown_label")]
    assert "moth" not in counts(desk.database, insects)
    assert desk.run(insects, data, beside).added == 1
    assert counts(desk.database, insects)["moth"] == 1
    with pytest.raises(Unprocessable, match="are made"):
        desk.queue(insects, data, new_labels="perhaps")


@SQLITE
def test_disagreement_is_told_and_not_counted_as_skipped(desk: Desk, insects: Classifier) -> None:
    one = task("1.png", "ant")
    one["annotations"] = [*task("", "ant")["annotations"], *task("", "bee")["annotations"]]
    report = desk.run(insects, tasks(one), zipped({"1.png": picture(1)}))
    assert report.skipped == 0
    with desk.database.read() as session:
        shown = imports.resource(session, session.scalars(select(Import)).one(), "")
    assert (shown["problems"], shown["skipped"]) == ([], 0)
    assert [(n["name"], n["code"]) for n in shown["notes"]] == [
        ("task 1: 1.png", "annotators_disagree")
    ]


def test_after_a_crash_it_goes_on_where_it_was(
    desk: Desk, insects: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = zipped({f"{n}.png": picture(n) for n in range(70)})
    # The first again under another name and with another label, behind where the crash comes.
    copy = zipped({f"{n}.png": picture(n) for n in range(70)} | {"copy.png": picture(0)})
    several = [task(f"{n}.png", "ant", identity=n) for n in range(70)]
    several[3] = task("gone.png", "ant", identity=3)
    assert beside != copy
    import_id = desk.queue(insects, tasks(*several, task("copy.png", "bee", identity=99)), copy)

    class Killed(BaseException):
        pass

    real = imports.note
    written = []

    def killed(*args: Any) -> None:
        written.append(args[2])
        if len(written) == 2:
            raise Killed
        real(*args)

    monkeypatch.setattr(imports, "note", killed)
    with pytest.raises(Killed):
        desk.work()
    monkeypatch.undo()
    with desk.database.write() as session:
        assert session.get_one(Import, import_id).done == 50
        session.execute(update(Import).values(lease_until=utcnow()))
    report = desk.work()
    assert (report.done, report.added, report.skipped) == (71, 69, 2)
    with desk.database.read() as session:
        shown = imports.resource(session, session.get_one(Import, import_id), "")
    assert (shown["status"], shown["added"], shown["skipped"]) == ("done", 69, 2)
    assert {(one["name"], one["code"]) for one in shown["problems"]} == {
        ("task 3: gone.png", "picture_not_found"),
        ("task 99: copy.png", "label_clash"),
    }
    assert desk.labels(insects)[sha(picture(0))] == "ant"


@SQLITE
def test_what_cannot_be_read_is_refused(desk: Desk, insects: Classifier) -> None:
    with pytest.raises(ColabelError, match="empty"):
        desk.queue(insects, b"  ")
    with pytest.raises(Unprocessable, match="not a zip"):
        desk.queue(insects, tasks(task("1.png", "ant")), b"no zip")
    with pytest.raises(Unprocessable, match="no export of Label Studio"):
        desk.run(insects, b"[{]")
    with pytest.raises(NotFound):
        exchange_imports.create(
            desk.database, desk.blobs, "ws_x", insects.id, io.BytesIO(tasks(task("1.png", "ant")))
        )
