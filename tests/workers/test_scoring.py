"""What the live model makes of examples: worked out for all, and anew when another goes live."""

from __future__ import annotations

import pytest
from colours import LABELS, add_version, colour_classifier, picture
from conftest import Person
from sqlalchemy import select, update

from connector.db.tables import Classifier, Example, Label
from connector.domain import examples, gallery, scores
from connector.domain.gallery import SURE, UNSURE, Wanted
from connector.domain.waiting import waiting
from connector.errors import BadRequest
from workers import scoring
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def colours(rt: Runtime, alice: Person) -> Classifier:
    """Alice's colours, with three plain pictures and a grey one, of which it cannot be sure."""
    with rt.database.write() as session:
        row = colour_classifier(session, rt.blobs, alice.workspace_id)
        row.auto_train = False
        for label in (*LABELS, None):
            data = picture(label or "grey", seed=1)
            name = f"{label or 'grey'}.png"
            examples.add_example(session, rt.blobs, rt.settings, row, data, label, name, "page")
    return row


def scored(rt: Runtime) -> dict[str, tuple[str | None, float | None, int | None]]:
    statement = select(
        Example.name, Label.name.label("guess"), Example.confidence, Example.scored_version
    ).outerjoin(Label, Label.id == Example.guess_id)
    with rt.database.read() as session:
        return {row[0]: (row[1], row[2], row[3]) for row in session.execute(statement)}


def work(rt: Runtime) -> int:
    steps = 0
    while scoring.step(rt):
        steps += 1
    return steps


def waits(rt: Runtime) -> bool:
    with rt.database.read() as session:
        return "score" in waiting(session)


def test_all_are_scored_once_and_anew_for_another_version(rt: Runtime, colours: Classifier) -> None:
    assert waits(rt)
    assert work(rt) == 1
    found = scored(rt)
    assert {name: one[0] for name, one in found.items() if name != "grey.png"} == {
        f"{label}.png": label for label in LABELS
    }
    assert all(one[1] is not None and one[1] > 0.9 for n, one in found.items() if n != "grey.png")
    assert found["grey.png"][1] is not None
    assert found["grey.png"][1] < 0.7
    assert {one[2] for one in found.values()} == {1}
    assert not waits(rt)
    assert work(rt) == 0
    with rt.database.write() as session:
        row = session.get_one(Classifier, colours.id)
        add_version(session, rt.blobs, row, 2, sharpness=1)
        row.live_version = 2
    assert waits(rt)
    work(rt)
    again = scored(rt)
    assert {one[2] for one in again.values()} == {2}
    assert (again["red.png"][1] or 1) < 0.7
    with rt.database.write() as session:
        session.get_one(Classifier, colours.id).live_version = 1
    work(rt)
    assert scored(rt) == found


@SQLITE
def test_what_cannot_be_read_is_not_asked_for_again(rt: Runtime, colours: Classifier) -> None:
    rt.blobs.delete(rt.blobs.put(picture("red", seed=1)))
    assert work(rt) == 1
    assert scored(rt)["red.png"] == (None, None, 1)
    assert scored(rt)["blue.png"][0] == "blue"


@SQLITE
def test_a_version_whose_files_are_gone_is_no_endless_work(
    rt: Runtime, colours: Classifier
) -> None:
    with rt.database.write() as session:
        row = session.get_one(Classifier, colours.id)
        add_version(session, rt.blobs, row, 2).head_sha256 = "0" * 64
        row.live_version = 2
    assert work(rt) == 1
    assert {one[1:] for one in scored(rt).values()} == {(None, 2)}


@SQLITE
def test_what_an_older_version_said_is_not_kept(rt: Runtime, colours: Classifier) -> None:
    with rt.database.write() as session:
        ids = session.scalars(select(Example.id)).all()
        scores.write(session, colours.id, 7, [scores.Score(ids[0], None, 0.5)])
    assert {one[2] for one in scored(rt).values()} == {None}


def names(rt: Runtime, row: Classifier, cursor: str | None = None, **wanted: object) -> list[str]:
    with rt.database.read() as session:
        sheet = gallery.sheet(session, row, Wanted(**wanted), cursor=cursor)  # type: ignore[arg-type]
    return [one.name for one in sheet.tiles]


def test_the_gallery_by_confidence(
    rt: Runtime, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(rt, colours, order=UNSURE) == []
    work(rt)
    for confidence, name in ((0.91, "red"), (0.95, "green"), (0.95, "blue"), (0.4, "grey")):
        with rt.database.write() as session:
            session.execute(
                update(Example).where(Example.name == f"{name}.png").values(confidence=confidence)
            )
    least = names(rt, colours, order=UNSURE)
    assert least[:2] == ["grey.png", "red.png"]
    assert names(rt, colours, order=SURE) == least[::-1]
    assert names(rt, colours, least=90, most=92) == ["red.png"]
    assert names(rt, colours, most=50, unlabelled=True) == ["grey.png"]
    assert names(rt, colours, order=UNSURE, text="r") == ["grey.png", "red.png", "green.png"]
    monkeypatch.setattr(gallery, "PAGE", 1)
    for order, expected in ((UNSURE, least), (SURE, least[::-1])):
        seen, cursor = [], None
        while True:
            with rt.database.read() as session:
                sheet = gallery.sheet(session, colours, Wanted(order=order), cursor=cursor)
            seen += [one.name for one in sheet.tiles]
            if (cursor := sheet.next_cursor) is None:
                break
        assert seen == expected


@SQLITE
@pytest.mark.parametrize("cursor", ["x", "0.5", "0.5:", "nan:ex_1", "1e999:ex_01jdf5", ":ex_1"])
def test_a_cursor_that_is_not_ours_is_refused(
    rt: Runtime, colours: Classifier, cursor: str
) -> None:
    with pytest.raises(BadRequest):
        names(rt, colours, cursor=cursor, order=UNSURE)
