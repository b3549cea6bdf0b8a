"""The review pages as a browser without script sees them: asked, answered, skipped, taken back."""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from typing import Any

import pytest
from asking import review_of
from colours import picture
from flask import Flask
from pagereading import Reader
from PIL import Image
from sqlalchemy import select
from stage import ASKED, Stage

from connector.db import Database
from connector.db.tables import Classifier, Review
from connector.domain import classifiers, predictions
from connector.domain.predictions import SourceRef, Submission
from workers import act, classify
from workers.runtime import Runtime

Readers = dict[str, Reader]


@pytest.fixture
def parts() -> Collection[str]:
    return {ASKED}


@pytest.fixture
def questions(rt: Runtime, stage: Stage) -> list[str]:
    """Four open questions of Alice's, the oldest first."""
    with rt.database.read() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        row = classifiers.source(session, live, "api")
        source = SourceRef(row.id, row.workspace_id, row.classifier_id)
    for seed in range(10, 13):
        submission = Submission(picture("grey", seed=seed), f"grey-{seed}.png")
        predictions.submit(rt.database, rt.blobs, rt.settings, source=source, submission=submission)
    while classify.step(rt) or act.step(rt):
        pass
    with rt.database.read() as session:
        statement = select(Review.id).where(Review.state == "open").order_by(Review.id)
        return list(session.scalars(statement))


def shown(text: str) -> str:
    """Return the id of the question that a page asks."""
    found = re.search(r'data-review="(\w+)"', text)
    assert found is not None, text
    return found[1]


def send(reader: Reader, review_id: str, what: str = "answer", **data: Any) -> Any:
    return reader.post(f"/review/{review_id}/{what}", data, form="/review")


def test_the_likeliest_labels_come_first_with_examples_and_keys(
    readers: Readers, stage: Stage, questions: list[str], database: Database
) -> None:
    text = readers["Alice"].get("/review").text
    assert shown(text) == questions[0]
    assert "4 questions are open." in text
    review, prediction = review_of(database, questions[0])
    sure = prediction.probabilities or {}
    labels = re.findall(r'name="label" value="(\w+)" data-key="(\d)"', text)
    assert labels == [
        (name, str(key)) for key, name in enumerate(sorted(sure, key=lambda n: -sure[n]), 1)
    ]
    assert review.reason.replace("“", "&#8220;") in text or review.reason in text
    likes = re.findall(r'src="(/classifiers/\w+/review/like/\w+)" alt="([^"]+)"', text)
    assert len(likes) == 4, "two labels, two embedded examples of each"
    for path, alt in likes:
        assert any(name in alt for name, _ in labels[:2])
        small = readers["Alice"].get(path)
        assert (small.status_code, small.mimetype) == (200, "image/jpeg")


def test_the_picture_comes_as_a_browser_can_show_it_and_is_kept_there(
    readers: Readers, questions: list[str]
) -> None:
    path = f"/review/{questions[0]}/picture"
    answer = readers["Alice"].get(path)
    assert Image.open(io.BytesIO(answer.data)).format == "JPEG"
    assert "private" in answer.headers["Cache-Control"]
    again = readers["Alice"].get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_alice_and_bob_are_asked_different_questions(
    readers: Readers, stage: Stage, questions: list[str]
) -> None:
    hers, his = (shown(readers[name].get("/review").text) for name in ("Alice", "Bob"))
    assert (hers, his) == (questions[0], questions[1])
    narrow = f"/classifiers/{stage.classifiers['live']}/review"
    assert shown(readers["Rosa"].get(narrow).text) == questions[2]
    left = readers["Alice"].post("/review/leave", {"held": [hers, his]})
    assert left.status_code == 204
    assert shown(readers["Rosa"].get(f"/review/card?besides={questions[2]}").text) == hers
    held = readers["Alice"].post("/review/hold", {"held": [hers, his, questions[3]]})
    assert held.json == {"lost": [hers, his]}


def test_an_answer_leads_on_and_can_be_taken_back(
    readers: Readers, questions: list[str], database: Database
) -> None:
    rosa, first = readers["Rosa"], questions[0]
    led = send(rosa, first, label="red")
    assert (led.status_code, led.headers["Location"]) == (303, f"/review?last={first}")
    text = rosa.get(led.headers["Location"]).text
    assert shown(text) == questions[1]
    assert f'href="/review/{first}"' in text
    assert "Your answer: <strong>red</strong>" in text
    again = rosa.get(f"/review/{first}").text
    assert "Rosa answered: <strong>red</strong>" in again
    led = send(rosa, first, "correct", none_of_these="yes")
    assert led.status_code == 303
    assert "Changed to “none of these”." in rosa.get(led.headers["Location"]).text
    review, prediction = review_of(database, first)
    assert (review.label, review.answered_by, prediction.label) == (None, "Rosa", None)


def test_a_reviewer_takes_back_no_ones_but_their_own(
    readers: Readers, questions: list[str], database: Database
) -> None:
    first = questions[0]
    send(readers["Alice"], first, label="red")
    assert "can take it back" in readers["Rosa"].get(f"/review/{first}").text
    refused = send(readers["Rosa"], first, "correct", label="blue")
    assert refused.status_code == 403
    assert "Alice gave this answer" in refused.text
    assert send(readers["Bob"], first, "correct", label="blue").status_code == 303
    assert review_of(database, first)[0].label == "blue"


def test_whoever_comes_second_is_told_kindly(readers: Readers, questions: list[str]) -> None:
    send(readers["Alice"], questions[0], label="red")
    late = send(readers["Bob"], questions[0], label="blue")
    assert late.status_code == 409
    assert "Alice answered this already: “red”." in late.text
    part = readers["Bob"].post(
        f"/review/{questions[0]}/answer", {"label": "blue"}, headers={"HX-Request": "true"}
    )
    assert part.headers["HX-Retarget"] == "#messages"
    assert "<html" not in part.text


def test_script_gets_parts(readers: Readers, questions: list[str]) -> None:
    htmx = {"HX-Request": "true"}
    first, second = questions[:2]
    alice = readers["Alice"]
    said = alice.post(f"/review/{first}/answer", {"label": "red"}, headers=htmx)
    assert said.status_code == 200
    assert "3 questions are open." in said.text
    card = alice.get("/review/card", headers=htmx)
    assert shown(card.text) == second
    assert "<html" not in card.text
    assert alice.post(f"/review/{second}/skip", headers=htmx).status_code == 200
    besides = "&".join(f"besides={one}" for one in questions)
    assert alice.get(f"/review/card?{besides}").status_code == 204


def test_skipped_ones_come_again_when_they_are_asked_for(
    readers: Readers, questions: list[str]
) -> None:
    alice = readers["Alice"]
    for one in questions:
        send(alice, one, "skip")
    text = alice.get("/review").text
    assert "4 questions are left that you skipped" in text
    led = alice.post("/review/again", {}, form="/review")
    assert shown(alice.get(led.headers["Location"]).text) == questions[0]


def test_when_others_have_the_rest_it_says_so_and_when_nothing_is_left_too(
    readers: Readers, stage: Stage, rt: Runtime
) -> None:
    (only,) = [stage.ids["review_id"]]
    readers["Bob"].get("/review")
    assert "The last open question is before somebody else." in readers["Alice"].get("/review").text
    taken = readers["Alice"].get(f"/review/{only}").text
    assert "Somebody else has this picture before them just now." in taken
    send(readers["Bob"], only, label="red")
    assert "Nothing to answer" in readers["Alice"].get("/review").text


def test_a_label_that_is_not_there_is_refused(readers: Readers, questions: list[str]) -> None:
    refused = send(readers["Alice"], questions[0], label="purple")
    assert refused.status_code == 422
    assert "is not a label of this classifier" in refused.text


def test_a_signed_link_shows_one_picture_and_is_used_once(
    readers: Readers, reader: Reader, stage: Stage, database: Database
) -> None:
    path = f"/answer/{stage.ids['signed']}"
    for _ in range(2):
        text = reader.get(path).text
        assert 'value="red"' in text
        assert "/review/like/" not in text
        assert reader.get(f"{path}/picture").status_code == 200
    assert review_of(database, stage.ids["review_id"])[0].state == "open"
    done = reader.post(path, {"label": "red"}, form=path)
    assert done.status_code == 200
    assert "Your answer “red” is kept." in done.text
    review, _ = review_of(database, stage.ids["review_id"])
    assert (review.label, review.answered_by) == ("red", "Dana")
    for again in (
        reader.get(path),
        reader.post(path, {"label": "blue"}),
        reader.get(f"{path}/picture"),
    ):
        assert again.status_code == 410
    assert "Dana said “red”" in reader.get(path).text
    assert review_of(database, stage.ids["review_id"])[0].label == "red"


def test_a_link_opens_nothing_else(reader: Reader, stage: Stage, questions: list[str]) -> None:
    path = f"/answer/{stage.ids['signed']}"
    assert reader.get(path).status_code == 200
    for closed in (f"/review/{questions[1]}", f"/review/{questions[1]}/picture", "/review"):
        assert reader.get(closed).headers["Location"].startswith("/login")
    assert reader.get(f"{path[:-2]}xx").status_code == 404
    assert reader.get(f"{path[:-2]}xx/picture").status_code == 404


def test_charlie_finds_no_question_and_no_link_of_alices(
    readers: Readers, stage: Stage, database: Database
) -> None:
    charlie, path = readers["Charlie"], f"/answer/{stage.ids['signed']}"
    assert "Nothing to answer" in charlie.get("/review").text
    assert charlie.get(path).status_code == 404
    assert charlie.get(f"{path}/picture").status_code == 404
    assert charlie.post(path, {"label": "red"}).status_code == 404
    within = f"/review/card?within={stage.classifiers['live']}"
    assert charlie.get(within).status_code == 404
    held = charlie.post("/review/hold", {"held": [stage.ids["review_id"]]})
    assert held.json == {"lost": [stage.ids["review_id"]]}
    review, _ = review_of(database, stage.ids["review_id"])
    assert (review.state, review.claimed_by) == ("open", None)


def test_what_a_picture_is_called_is_escaped(
    readers: Readers, rt: Runtime, stage: Stage, app: Flask
) -> None:
    with rt.database.write() as session:
        review = session.get_one(Review, stage.ids["review_id"])
        review.reason = "<script>alert(1)</script>"
        predictions.get(
            session, stage.workspace_id, review.prediction_id
        ).name = '"><script>alert(2)</script>'
    for path in ("/review", f"/review/{stage.ids['review_id']}", f"/answer/{stage.ids['signed']}"):
        assert "<script>alert" not in readers["Alice"].get(path).text
