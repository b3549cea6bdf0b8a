"""One picture's journey as a browser without script sees it, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from acting import actions, run
from colours import picture
from happened import way_in
from pagereading import Reader
from stage import ACTED, Stage

from connector.db import Database
from connector.db.tables import Action, Classifier, Example, Prediction, Review
from connector.db.types import utcnow
from connector.domain import decisions, outbound, predictions, rules
from connector.domain.outbound import Subscription
from connector.domain.predictions import Submission
from workers.runtime import Runtime

Readers = dict[str, Reader]
Send = Callable[..., str]


@pytest.fixture
def parts() -> Collection[str]:
    return {ACTED}


@pytest.fixture
def send(rt: Runtime, stage: Stage) -> Send:
    """Send a picture to the live classifier; without more, the rule of the stage moves it."""

    def sent(colour: str = "red", **fields: Any) -> str:
        with rt.database.read() as session:
            live = session.get_one(Classifier, stage.classifiers["live"])
            source = way_in(session, live)
        fields = {"metadata": {"shelf": "seven"}, "name": "sent.png", **fields}
        data = picture(colour, seed=fields.pop("seed", 300))
        submission = Submission(data, fields.pop("name"), **fields)
        return predictions.submit(
            rt.database, rt.blobs, rt.settings, source=source, submission=submission
        ).id

    return sent


def way(prediction_id: str) -> str:
    return f"/predictions/{prediction_id}"


def stations(text: str) -> list[str]:
    """Return what each station of the time line is called."""
    found = re.findall(r'class="station-head"><strong>(.*?)</strong>', text, re.DOTALL)
    return [unescape(one) for one in found]


def following(text: str) -> str:
    """Return where the page asks for itself again."""
    found = re.search(r'hx-get="([^"]+/state[^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def states(rt: Runtime, prediction_id: str) -> list[tuple[str, str]]:
    return [(one.kind, one.status) for one in actions(rt, prediction_id)]


def after(reader: Reader, path: str, data: dict[str, Any] | None = None) -> str:
    """Send a form, and return the page that it leads to."""
    answer = reader.post(path, data)
    assert answer.status_code == 303, answer.text
    return reader.get(answer.headers["Location"]).text


def test_each_step_of_a_sorted_picture_is_told(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, send: Send
) -> None:
    with database.write() as session:
        wanted = Subscription("https://listener.example/", ("prediction.completed",), {})
        outbound.create_webhook(session, stage.workspace_id, wanted)
    sent = send(external_id="order-9")
    waiting = readers["Rosa"].get(way(sent)).text
    assert stations(waiting) == ["Came in", "Waits for its answer"]
    assert '<a href="/activity" aria-current="page">' in waiting
    run(rt)
    text = readers["Rosa"].get(way(sent)).text
    assert stations(text) == [
        "Came in",
        "Looked at by the model",
        "The answer",
        "Moved to …/red/sent.png",
        "One message about it",
    ]
    for said in ("By the API.", "Version 1", "order-9", "seven", "https://listener.example/"):
        assert said in text, said
    assert "Sure enough that nobody had to be asked." in text
    assert text.count("<progress") == 3
    [moved] = actions(rt, sent)
    assert moved.detail["to"] in unescape(text)
    assert "kept by colabel" in text
    assert "By rule, version 1" in text
    assert "Undo</button>" not in text, "Rosa changes nothing"


def test_the_page_follows_and_is_left_alone_where_nothing_happened(
    readers: Readers, rt: Runtime, send: Send
) -> None:
    sent = send()
    text = readers["Alice"].get(way(sent)).text
    path = following(readers["Alice"].get(following(text)).text)
    assert readers["Alice"].get(path).status_code == 204
    run(rt)
    assert "Moved to" in readers["Alice"].get(path).text


def test_a_question_and_who_answered_it_are_told(
    readers: Readers, stage: Stage, rt: Runtime, database: Database
) -> None:
    with database.read() as session:
        review = session.query(Review).filter_by(state="open").one()
    path = way(review.prediction_id)
    text = readers["Alice"].get(path).text
    assert stations(text) == ["Came in", "Looked at by the model", "A person was asked"]
    assert f'href="/review/{review.id}">Answer it' in text
    readers["Rosa"].post(f"/review/{review.id}/answer", {"label": "blue"}, form="/review")
    run(rt)
    text = readers["Alice"].get(path).text
    assert stations(text)[2:] == ["A person was asked", "Rosa answered", "The answer"]
    assert "<strong>blue</strong>" in text
    assert "No rule wanted anything to be done with it." in text
    assert "Sure enough" not in text


def test_an_undo_brings_the_file_back(
    readers: Readers, stage: Stage, rt: Runtime, database: Database
) -> None:
    sent, action_id = stage.ids["prediction_id"], stage.ids["action_id"]
    [moved] = actions(rt, sent)
    file = Path(moved.detail["to"])
    text = readers["Bob"].get(way(sent)).text
    assert f'action="/actions/{action_id}/undo"' in text
    assert f'action="/actions/{action_id}/undo"' not in readers["Rosa"].get(way(sent)).text
    text = after(readers["Bob"], f"/actions/{action_id}/undo")
    assert "It is being taken back." in text
    assert "being taken back</span>" in text
    assert file.exists()
    run(rt)
    assert not file.exists()
    text = readers["Bob"].get(way(sent)).text
    assert "taken back</span>" in text
    assert f'action="/actions/{action_id}/undo"' not in text
    # Twice is told and does nothing.
    assert "It was taken back already." in after(readers["Bob"], f"/actions/{action_id}/undo")


def test_all_that_was_done_is_taken_back_at_once(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, send: Send
) -> None:
    add_rule(rt, stage, "red", "copy", folder="copies")
    sent = send()
    run(rt)
    assert states(rt, sent) == [("move", "done"), ("copy", "done")]
    assert "Undo all 2" in readers["Alice"].get(way(sent)).text
    assert "2 things are being taken back." in after(readers["Alice"], f"{way(sent)}/undo")
    run(rt)
    assert states(rt, sent) == [("move", "undone"), ("copy", "undone")]


def add_rule(rt: Runtime, stage: Stage, label: str, kind: str, **params: Any) -> None:
    checked = rules.check_actions(rt.settings, [{"kind": kind, "params": params}])
    with rt.database.write() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        rules.create_rule(session, live, label=label, actions=checked)


def test_a_picture_that_failed_is_tried_again(
    readers: Readers, rt: Runtime, database: Database, send: Send
) -> None:
    sent = send(metadata={})
    with database.read() as session:
        sha256 = session.get_one(Prediction, sent).location["sha256"]
    kept = rt.blobs.read(sha256)
    rt.blobs.delete(sha256)
    run(rt)
    text = readers["Alice"].get(way(sent)).text
    assert stations(text) == ["Came in", "It could not be answered"]
    with database.read() as session:
        assert session.get_one(Prediction, sent).error in unescape(text)
    assert "Try again" not in readers["Rosa"].get(way(sent)).text
    rt.blobs.put(kept)
    assert "It is being looked at again." in after(readers["Alice"], f"{way(sent)}/retry")
    run(rt)
    text = readers["Alice"].get(way(sent)).text
    assert stations(text) == ["Came in", "Looked at by the model", "The answer"]
    # It does not fail any more: that is said, and nothing happens.
    assert "It is being looked at again." not in after(readers["Alice"], f"{way(sent)}/retry")
    with database.read() as session:
        assert session.get_one(Prediction, sent).status == "done"


def test_a_picture_that_was_set_aside_says_why_and_is_tried_again(
    readers: Readers, rt: Runtime, database: Database, send: Send
) -> None:
    sent = send(metadata={})
    for _ in range(decisions.STRIKES + 1):
        with database.write() as session:
            work = decisions.claim_queued(session, limit=32, seconds=15)
            decisions.quarantine(session, rt.settings, work)
        with database.write() as session:
            session.query(Prediction).filter_by(id=sent).update({"lease_until": utcnow()})
    run(rt)
    with database.read() as session:
        row = session.get_one(Prediction, sent)
    assert (row.status, row.error_code) == ("failed", "quarantined")
    text = readers["Alice"].get(way(sent)).text
    assert str(row.error) in unescape(text)
    after(readers["Alice"], f"{way(sent)}/retry")
    run(rt)
    assert "The answer" in readers["Alice"].get(way(sent)).text


def test_what_did_not_work_says_why_and_is_done_again(
    readers: Readers, rt: Runtime, send: Send, tmp_path: Path
) -> None:
    file = tmp_path / "in" / "scan.png"
    file.parent.mkdir()
    sent = send(location={"kind": "local", "path": str(file)})
    run(rt)
    assert states(rt, sent) == [("move", "failed")]
    text = readers["Alice"].get(way(sent)).text
    assert "failed</span>" in text
    assert str(actions(rt, sent)[0].error) in unescape(text)
    assert "Try again what failed" not in readers["Rosa"].get(way(sent)).text
    file.write_bytes(picture("red", seed=300))
    assert "One thing is being done again." in after(readers["Alice"], f"{way(sent)}/redo")
    run(rt)
    assert states(rt, sent) == [("move", "failed"), ("move", "done")]
    assert not file.exists()
    text = readers["Alice"].get(way(sent)).text
    assert "Try again what failed" not in text
    assert "Nothing failed here" in after(readers["Alice"], f"{way(sent)}/redo")


def test_another_answer_is_looked_at_before_it_is_given(
    readers: Readers, stage: Stage, rt: Runtime, database: Database
) -> None:
    sent = stage.ids["prediction_id"]
    with database.read() as session:
        known = session.query(Example).count()
    text = readers["Bob"].get(way(sent)).text
    assert "Is the answer wrong?" in text
    assert "Is the answer wrong?" not in readers["Rosa"].get(way(sent)).text
    look = readers["Bob"].get(f"{way(sent)}/correct?label=blue").text
    assert "becomes an example of “blue”" in look
    assert re.search(r"Taken back: Moved to \S+/red/shelf-71.png", look)
    assert states(rt, sent) == [("move", "done")], "a look only"
    text = after(readers["Bob"], f"{way(sent)}/correct", {"label": "blue"})
    assert "The answer is “blue” now." in text
    assert "It is being put right for “blue”." in text
    run(rt)
    assert states(rt, sent) == [("move", "undone"), ("move", "done")]
    text = readers["Bob"].get(way(sent)).text
    assert "A person says “blue”" in text
    assert "for the corrected answer “blue”" in text
    with database.read() as session:
        assert Path(session.get_one(Prediction, sent).location["path"]).parent.name == "blue"
        assert session.query(Example).count() == known + 1


def test_an_answer_that_does_not_fit_what_was_done_offers_to_put_it_right(
    readers: Readers, stage: Stage, database: Database
) -> None:
    sent = stage.ids["prediction_id"]
    with database.write() as session:
        session.get_one(Prediction, sent).corrected_label = "green"
    text = readers["Alice"].get(way(sent)).text
    assert "A person says that this is “green”" in text
    assert f'href="{way(sent)}/correct?label=green"' in text
    rosa = readers["Rosa"].get(way(sent)).text
    assert "A person says that this is “green”" in rosa
    assert "Put it right" not in rosa
    assert "Moved to" in readers["Alice"].get(f"{way(sent)}/correct?label=green").text


def test_a_label_that_there_is_not_is_told_on_the_page(readers: Readers, stage: Stage) -> None:
    sent = stage.ids["prediction_id"]
    for path in (f"{way(sent)}/correct?label=mauve", f"{way(sent)}/correct"):
        answer = readers["Alice"].get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, way(sent))
    assert "mauve" in after(readers["Alice"], f"{way(sent)}/correct", {"label": "mauve"})


def test_a_picture_is_deleted_once_what_needs_it_is_known(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, send: Send
) -> None:
    sent = send(metadata={})
    asked = readers["Bob"].get(f"{way(sent)}/delete").text
    assert "It cannot be deleted just now" in asked
    assert "It waits for its answer." in asked
    assert "Delete for good" not in asked
    run(rt)
    asked = readers["Bob"].get(f"{way(sent)}/delete").text
    assert "Delete for good" in asked
    assert 'name="force"' not in asked
    text = after(readers["Bob"], f"{way(sent)}/delete")
    assert "The picture is deleted." in text
    assert "The picture was deleted; its answer is kept." in text
    assert stations(text)[-1] == "The answer"
    for gone in ("Try again", "Delete the picture", "<img"):
        assert gone not in text, gone
    listed = readers["Bob"].get(f"/activity?q={sent}").text
    assert "The picture was deleted" in listed
    with database.read() as session:
        image_id = session.get_one(Prediction, sent).image_id
    assert readers["Bob"].get(f"/pictures/{image_id}/large").status_code in (404, 410)
    assert "deleted already" in readers["Bob"].get(f"{way(sent)}/delete").text


def test_a_picture_that_could_be_undone_goes_only_if_one_says_so(
    readers: Readers, stage: Stage, database: Database
) -> None:
    sent = stage.ids["prediction_id"]
    asked = readers["Alice"].get(f"{way(sent)}/delete").text
    assert "could no longer be taken back" in asked
    assert 'name="force"' in asked
    assert "was not deleted" in after(readers["Alice"], f"{way(sent)}/delete")
    with database.read() as session:
        assert session.get_one(Prediction, sent).image_deleted_at is None
    assert "The picture is deleted." in after(
        readers["Alice"], f"{way(sent)}/delete", {"force": "on"}
    )


def test_charlie_can_do_nothing_with_it(readers: Readers, stage: Stage, rt: Runtime) -> None:
    sent = stage.ids["prediction_id"]
    for what in ("retry", "redo", "undo", "correct", "delete"):
        answer = readers["Charlie"].post(f"{way(sent)}/{what}", {"label": "blue", "force": "on"})
        assert answer.status_code == 404, what
    assert readers["Charlie"].get(way(sent)).status_code == 404
    with rt.database.read() as session:
        assert session.get_one(Action, stage.ids["action_id"]).status == "done"
