"""Links that ask one question: signed, for a while, once, and for one workspace."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from asking import ask, review_of, values
from itsdangerous import URLSafeSerializer

from connector.db import Database
from connector.domain import review_links, reviews
from connector.domain.predictions import SourceRef
from connector.errors import ColabelError, Conflict, Gone, NotFound, Unprocessable
from connector.settings import Settings
from workers.runtime import Runtime

Person = Any


@pytest.fixture
def question(rt: Runtime, api_source: SourceRef) -> str:
    (found,) = ask(rt, api_source)
    return found


def made(database: Database, settings: Settings, workspace_id: str, question: str) -> str:
    with database.write() as session:
        link = review_links.make(session, settings, workspace_id, question, name="Dana", hours=1)
    assert link.url.startswith(f"{settings.public_url}/answer/")
    return link.url.rpartition("/")[2]


def look(database: Database, settings: Settings, token: str, by: str | None = None) -> Any:
    with database.read() as session:
        return review_links.look(session, settings, token, by)


def answer(database: Database, settings: Settings, token: str, label: str | None) -> None:
    with database.write() as session:
        asked = review_links.look(session, settings, token, None)
        review_links.answer(session, settings, asked, label)


def code(caught: pytest.ExceptionInfo[ColabelError]) -> str:
    return caught.value.code


def test_looking_changes_nothing_and_an_answer_uses_it_up(
    database: Database, settings: Settings, alice: Person, question: str
) -> None:
    token = made(database, settings, alice.workspace_id, question)
    for _ in range(3):
        asked = look(database, settings, token)
        review_links.check_unused(asked)
    assert (asked.review.id, asked.review.state, asked.name) == (question, "open", "Dana")
    answer(database, settings, token, "red")
    review, prediction = review_of(database, question)
    assert values(review, "state", "label", "answered_by") == ("answered", "red", "Dana")
    assert values(prediction, "status", "label", "decided_by") == ("done", "red", "person")
    with pytest.raises(Gone, match="Dana said “red”") as caught:
        answer(database, settings, token, "blue")
    assert code(caught) == "link_used"
    assert review_of(database, question)[0].label == "red"
    with database.write() as session, pytest.raises(Conflict) as refused:
        review_links.make(session, settings, alice.workspace_id, question)
    assert code(refused) == "already_answered"


def test_an_answer_by_another_road_ends_it_too(
    database: Database, settings: Settings, alice: Person, question: str
) -> None:
    token = made(database, settings, alice.workspace_id, question)
    with database.write() as session:
        reviews.answer(session, settings, alice.workspace_id, question, None, by="Bob")
    with pytest.raises(Gone, match="Bob said that it is none of the labels"):
        answer(database, settings, token, "blue")


def test_none_of_these_and_an_unknown_label(
    database: Database, settings: Settings, alice: Person, question: str
) -> None:
    token = made(database, settings, alice.workspace_id, question)
    with pytest.raises(Unprocessable) as caught:
        answer(database, settings, token, "purple")
    assert code(caught) == "unknown_label"
    answer(database, settings, token, None)
    assert values(review_of(database, question)[0], "state", "label") == ("answered", None)


def test_it_ends(
    database: Database,
    settings: Settings,
    alice: Person,
    question: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = made(database, settings, alice.workspace_id, question)
    later = time.time() + 3601
    monkeypatch.setattr(review_links.time, "time", lambda: later)
    with pytest.raises(Gone) as caught:
        answer(database, settings, token, "red")
    assert code(caught) == "link_expired"
    assert review_of(database, question)[0].state == "open"


def test_only_what_we_signed_counts(
    database: Database, settings: Settings, alice: Person, question: str
) -> None:
    token = made(database, settings, alice.workspace_id, question)
    content = [question, int(time.time()) + 600, "Mallory"]
    forged = URLSafeSerializer("another secret", salt=review_links.SALT, serializer=json)
    elsewhere = URLSafeSerializer("a secret of the tests", salt="flashes", serializer=json)
    signed = URLSafeSerializer("a secret of the tests", salt=review_links.SALT, serializer=json)
    for bad in (
        "",
        "x",
        token[:-1],
        token[1:],
        forged.dumps(content),
        elsewhere.dumps(content),
        signed.dumps(["rev_none", content[1], ""]),
        signed.dumps("rev_none"),
    ):
        with pytest.raises(NotFound) as caught:
            look(database, settings, str(bad))
        assert code(caught) == "unknown_link"
    assert look(database, settings, str(signed.dumps(content))).review.id == question


def test_charlie_gets_no_link_to_alices_and_sees_none(
    database: Database, settings: Settings, alice: Person, charlie: Person, question: str
) -> None:
    with database.write() as session, pytest.raises(NotFound):
        review_links.make(session, settings, charlie.workspace_id, question)
    token = made(database, settings, alice.workspace_id, question)
    with pytest.raises(NotFound) as caught:
        look(database, settings, token, charlie.workspace_id)
    assert code(caught) == "unknown_link"
    assert look(database, settings, token, alice.workspace_id).review.id == question
