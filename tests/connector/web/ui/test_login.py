"""Coming in and going out: cookies, one-time links, waiting after wrong guesses."""

from __future__ import annotations

import pytest
from conftest import Person
from flask import Flask
from pagereading import Reader
from stage import PASSWORD, Stage

from connector.db import Database
from connector.domain import audit_log, links, people
from connector.settings import Settings
from connector.web.app import create_app
from connector.web.ui.visitors import safe_path


def log_in(reader: Reader, email: str = "alice@example.com", password: str = PASSWORD) -> int:
    return reader.post("/login", {"email": email, "password": password}).status_code


def test_one_logs_in_and_out(reader: Reader, stage: Stage) -> None:
    wanted = "/settings/account"
    sent = reader.get(wanted)
    assert sent.headers["Location"] == "/login?next=%2Fsettings%2Faccount"
    answer = reader.post(
        "/login",
        {"email": "Alice@example.com ", "password": PASSWORD, "next": wanted},
        form=sent.headers["Location"],
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, wanted)
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if "session" in one)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert reader.get(wanted).status_code == 200
    kept = reader.client.get_cookie("colabel_session")
    assert kept is not None
    out = reader.post("/logout", form="/")
    assert out.headers["Location"] == "/login"
    assert reader.get(wanted).status_code == 303
    assert "You are logged out." in reader.get("/login").text
    # The session is over, not only forgotten by the browser.
    reader.client.set_cookie("colabel_session", kept.value)
    assert reader.get(wanted).status_code == 303


def test_where_people_use_https_cookies_travel_by_nothing_else(
    settings: Settings, stage: Stage
) -> None:
    app = create_app(settings.model_copy(update={"public_url": "https://colabel.example"}))
    client = app.test_client()
    base = "https://colabel.example"
    page = client.get("/login", base_url=base)
    assert all("Secure" in one for one in page.headers.getlist("Set-Cookie"))
    assert page.headers.getlist("Set-Cookie")
    app.extensions["colabel"].database.close()


def test_every_session_has_a_token_of_its_own(reader: Reader, stage: Stage) -> None:
    reader.client.set_cookie("colabel_session", "chosen by somebody else")
    assert log_in(reader) == 303
    first = reader.client.get_cookie("colabel_session")
    assert first is not None
    assert first.value != "chosen by somebody else"


def test_wrong_guesses_have_to_wait(app: Flask, stage: Stage) -> None:
    guesser = Reader(app)
    page = guesser.post("/login", {"email": "bob@example.com", "password": "wrong"})
    assert page.status_code == 401
    assert "is not right" in page.text
    assert 'value="bob@example.com"' in page.text
    assert "WWW-Authenticate" not in page.headers
    for _ in range(4):
        assert log_in(guesser, "bob@example.com", "wrong") == 401
    blocked = guesser.post("/login", {"email": "bob@example.com", "password": PASSWORD})
    assert blocked.status_code == 429
    assert "try again in" in blocked.text
    assert 0 < int(blocked.headers["Retry-After"]) <= 30
    assert log_in(guesser, "rosa@example.com") == 303


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "a", "/a\nb", None]
)
def test_log_in_leads_nowhere_else(path: str | None) -> None:
    assert safe_path(path) == "/"
    assert safe_path("/settings?x=1") == "/settings?x=1"


def test_htmx_is_led_to_the_login_as_well(reader: Reader, stage: Stage) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/settings/keys"}
    answer = reader.get("/settings/keys", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/login?next=%2Fsettings%2Fkeys"


def test_htmx_gets_an_error_where_it_can_be_read(readers: dict[str, Reader], stage: Stage) -> None:
    path = f"/classifiers/{stage.ids['classifier_id']}/state"
    answer = readers["Charlie"].get(path, headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#messages"
    assert "<html" not in answer.text
    assert "not yours to see" in answer.text


@pytest.fixture
def first_link(database: Database, alice: Person) -> str:
    with database.write() as session:
        return links.for_owner(session, alice.workspace_id).path


def test_the_first_owner_makes_an_account(
    reader: Reader, first_link: str, database: Database, alice: Person
) -> None:
    for _ in range(2):
        assert "Make the owner’s account" in reader.get(first_link).text
    weak = {"email": "alice@example.com", "name": "Alice", "password": "short"}
    refused = reader.post(first_link, weak, form=first_link)
    assert refused.status_code == 422
    assert "A password has" in refused.text
    assert "short" not in refused.text.replace("too short", "")
    made = reader.post(first_link, {**weak, "password": PASSWORD}, form=first_link)
    assert (made.status_code, made.headers["Location"]) == (303, "/")
    assert "Welcome, Alice." in reader.get("/").text
    assert "Welcome, Alice." not in reader.get("/").text
    assert reader.get(first_link).status_code == 410
    with database.read() as session:
        assert people.has_owner(session, alice.workspace_id)
        by = [one.actor_kind for one in audit_log.list_entries(session, alice.workspace_id).items]
    assert "person" in by


def test_an_invitation_is_accepted_with_its_own_address(
    app: Flask, stage: Stage, database: Database
) -> None:
    dora, path = Reader(app), f"/link/{stage.ids['token']}"
    assert "dora@example.com" in dora.get(path).text
    values = {"email": "eve@example.com", "name": "Dora", "password": PASSWORD}
    assert dora.post(path, values, form=path).status_code == 303
    with database.read() as session:
        row = people.find(session, stage.workspace_id, "dora@example.com")
    assert row.role == "reviewer"
    assert dora.get("/settings/people").status_code == 403


def test_a_link_does_nothing_for_a_program_that_only_looks(app: Flask, stage: Stage) -> None:
    path = f"/link/{stage.ids['token']}"
    client = app.test_client()
    for method in ("GET", "HEAD", "OPTIONS"):
        client.open(path, method=method)
    assert client.post(path, data={"name": "x", "password": PASSWORD}).status_code == 403
    assert Reader(app).get(path).status_code == 200


def test_a_flash_that_is_not_ours_is_not_shown(readers: dict[str, Reader]) -> None:
    readers["Alice"].client.set_cookie("colabel_said", "W1siZ29vZCIsICJoZWxsbyJdXQ.x.y")
    page = readers["Alice"].get("/")
    assert page.status_code == 200
    assert "hello" not in page.text


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_people_are_known_by_their_own_address_behind_a_proxy(
    settings: Settings, stage: Stage, proxies: int, address: str
) -> None:
    app = create_app(settings.model_copy(update={"proxies": proxies}))
    headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}
    reader = Reader(app)
    reader.post("/login", {"email": "bob@example.com", "password": PASSWORD}, headers=headers)
    assert f"From {address}" in reader.get("/settings/account").text
    app.extensions["colabel"].database.close()
