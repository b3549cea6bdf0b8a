"""Account, people and keys, as their pages change them."""

from __future__ import annotations

import re

from caller import Caller
from flask import Flask
from pagereading import Reader
from stage import PASSWORD, Stage

from connector.db import Database
from connector.domain import people

ACCOUNT, PEOPLE, KEYS = "/settings/account", "/settings/people", "/settings/keys"


def test_a_key_is_shown_once_and_works_until_it_is_ended(
    app: Flask, readers: dict[str, Reader], stage: Stage
) -> None:
    alice = readers["Alice"]
    made = alice.post(KEYS, {"name": "Zapier", "scope": ["read", "ingest"]}, form=KEYS)
    secret = re.search(r"clbl_\w+", made.text)
    assert secret is not None
    assert secret[0] not in alice.get(KEYS).text
    caller = Caller(app, {"Authorization": f"Bearer {secret[0]}"})
    shown = caller.get("/api/v1/me").json or {}
    assert shown["scopes"] == ["ingest", "read"]
    key_id = re.findall(r"/settings/keys/(key_\w+)/revoke", made.text)[-1]
    assert alice.post(f"{KEYS}/{key_id}/revoke", form=KEYS).status_code == 303
    assert caller.get("/api/v1/me").status_code == 401


def test_a_key_needs_a_name_and_something_to_do(readers: dict[str, Reader]) -> None:
    nothing = readers["Alice"].post(KEYS, {"name": "Zapier"}, form=KEYS)
    assert nothing.status_code == 422
    assert "at least one thing" in nothing.text
    nameless = readers["Alice"].post(KEYS, {"name": " ", "scope": "read"}, form=KEYS)
    assert "needs a name" in nameless.text


def test_a_cookie_opens_no_route_of_the_api(readers: dict[str, Reader]) -> None:
    assert readers["Alice"].client.get("/api/v1/me").status_code == 401


def test_an_invitation_can_be_taken_back(
    app: Flask, readers: dict[str, Reader], stage: Stage
) -> None:
    alice = readers["Alice"]
    values = {"email": "eve@example.com", "role": "member"}
    made = alice.post(f"{PEOPLE}/invite", values, form=PEOPLE)
    link = re.search(r"(/link/\w+)", made.text)
    assert link is not None
    assert Reader(app).get(link[1]).status_code == 200
    assert link[1] not in alice.get(PEOPLE).text
    found = re.findall(r"/invitations/(lnk_\w+)/withdraw", alice.get(PEOPLE).text)
    assert len(found) == 2
    for one in found:
        alice.post(f"{PEOPLE}/invitations/{one}/withdraw", form=PEOPLE)
    assert Reader(app).get(link[1]).status_code == 410


def test_bad_invitations_come_back_with_what_was_typed(readers: dict[str, Reader]) -> None:
    for email, said in (("no address", "no e-mail address"), ("bob@example.com", "already")):
        values = {"email": email, "role": "member"}
        page = readers["Alice"].post(f"{PEOPLE}/invite", values, form=PEOPLE)
        assert page.status_code in (409, 422)
        assert said in page.text
        assert f'value="{email}"' in page.text


def test_roles_change_at_once(readers: dict[str, Reader], stage: Stage) -> None:
    bob = f"{PEOPLE}/{stage.people['Bob'].id}"
    assert readers["Bob"].get("/classifiers/new").status_code == 200
    readers["Alice"].post(f"{bob}/role", {"role": "reviewer"}, form=PEOPLE)
    assert readers["Bob"].get("/classifiers/new").status_code == 403
    readers["Alice"].post(f"{bob}/disable", form=PEOPLE)
    assert readers["Bob"].get("/").status_code == 200
    assert readers["Bob"].get(ACCOUNT).status_code == 303
    readers["Alice"].post(f"{bob}/enable", form=PEOPLE)
    assert readers["Bob"].get(ACCOUNT).status_code == 303


def test_the_last_owner_stays(readers: dict[str, Reader], stage: Stage, database: Database) -> None:
    alice = f"{PEOPLE}/{stage.people['Alice'].id}"
    readers["Alice"].post(f"{alice}/role", {"role": "member"}, form=PEOPLE)
    assert "is the only owner" in readers["Alice"].get(PEOPLE).text
    with database.read() as session:
        assert people.has_owner(session, stage.workspace_id)


def test_a_link_for_a_new_password(app: Flask, readers: dict[str, Reader], stage: Stage) -> None:
    bob = f"{PEOPLE}/{stage.people['Bob'].id}"
    made = readers["Alice"].post(f"{bob}/reset", form=PEOPLE)
    link = re.search(r"(/link/\w+)", made.text)
    assert link is not None
    somebody = Reader(app)
    assert "Choose a new password" in somebody.get(link[1]).text
    somebody.post(link[1], {"password": "four other words here"}, form=link[1])
    assert somebody.get(ACCOUNT).status_code == 200
    assert readers["Bob"].get(ACCOUNT).status_code == 303


def test_a_new_password_needs_the_old_one(
    app: Flask, readers: dict[str, Reader], stage: Stage
) -> None:
    bob, path = readers["Bob"], f"{ACCOUNT}/password"
    other = Reader(app)
    login = {"email": "bob@example.com", "password": PASSWORD}
    other.post("/login", login)
    wrong = bob.post(path, {"old": "wrong", "new": "four other words here"}, form=ACCOUNT)
    assert wrong.status_code == 401
    assert "not your present password" in wrong.text
    weak = bob.post(path, {"old": PASSWORD, "new": "short"}, form=ACCOUNT)
    assert weak.status_code == 422
    assert other.get(ACCOUNT).status_code == 200
    values = {"old": PASSWORD, "new": "four other words here"}
    assert bob.post(path, values, form=ACCOUNT).status_code == 303
    assert bob.get(ACCOUNT).status_code == 200
    assert other.get(ACCOUNT).status_code == 303


def test_sessions_are_listed_and_ended(app: Flask, readers: dict[str, Reader]) -> None:
    other = Reader(app)
    other.post(
        "/login",
        {"email": "alice@example.com", "password": PASSWORD},
        headers={"User-Agent": "Mozilla/5.0 (iPhone) Version/18 Safari/604"},
    )
    page = readers["Alice"].get(ACCOUNT).text
    assert "Safari on iPhone" in page
    assert "Firefox on Linux" in page
    ends = re.findall(r"/sessions/(ses_\w+)/end", page)
    assert len(ends) == 1
    readers["Alice"].post(f"{ACCOUNT}/sessions/{ends[0]}/end", form=ACCOUNT)
    assert other.get(ACCOUNT).status_code == 303
    assert readers["Alice"].get(ACCOUNT).status_code == 200


def test_a_name_is_changed(readers: dict[str, Reader]) -> None:
    readers["Bob"].post(f"{ACCOUNT}/name", {"name": "Bob the <Builder>"}, form=ACCOUNT)
    assert "Bob the &lt;Builder&gt;" in readers["Bob"].get("/").text
    refused = readers["Bob"].post(f"{ACCOUNT}/name", {"name": ""}, form=ACCOUNT)
    assert refused.status_code == 422


def test_the_theme_is_kept(readers: dict[str, Reader]) -> None:
    bob = readers["Bob"]
    assert 'data-theme="auto"' in bob.get("/").text
    answer = bob.post("/theme", {"theme": "dark", "back": "/settings/account"}, form="/")
    assert answer.headers["Location"] == "/settings/account"
    assert 'data-theme="dark"' in bob.get("/").text
    away = bob.post("/theme", {"theme": "pink", "back": "//evil.example"}, form="/")
    assert away.headers["Location"] == "/"
    assert 'data-theme="dark"' in bob.get("/").text
