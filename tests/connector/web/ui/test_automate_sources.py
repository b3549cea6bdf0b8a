"""Sources by pages: made, connected, tried dry, paused, given new addresses, deleted, filled."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from colours import picture
from pagereading import Reader
from stage import AUTOMATED, Stage

from connector.db import Database
from connector.db.tables import Backfill, Prediction, Source
from connector.domain.accounts import SECRET_PREFIX
from connector.settings import Settings
from connector.web.ui.assets import FOLDER
from connector.web.ui.snippets import N8N

Readers = dict[str, Reader]
QUEUE = "https://sqs.eu-central-1.amazonaws.com/111122223333/scans"


@pytest.fixture
def parts() -> Collection[str]:
    return {AUTOMATED}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let a bucket and a queue be read."""
    allowed = {"buckets": ["scans"], "queues": ["scans"]}
    return settings.model_copy(update=allowed)


@pytest.fixture
def tab(stage: Stage) -> str:
    """The tab of the live classifier."""
    return f"/classifiers/{stage.classifiers['live']}/automate"


def said(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text)))


def blocks(text: str) -> list[str]:
    """Return what a page has to copy."""
    return [unescape(one) for one in re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.S)]


def made(database: Database, answer: Any) -> Source:
    assert answer.status_code == 303, said(answer.text)
    with database.read() as session:
        return session.get_one(Source, answer.headers["Location"].split("/")[-2])


def row_of(database: Database, source_id: str) -> Source:
    with database.read() as session:
        return session.get_one(Source, source_id)


def test_a_webhook_is_made_and_each_tools_page_has_its_address(
    readers: Readers, tab: str, database: Database, settings: Settings
) -> None:
    bob = readers["Bob"]
    page = bob.get(f"{tab}/sources/new").text
    for way in ("hook", "folder", "s3", "sqs", "minio"):
        assert f"sources/new?way={way}" in page
    answer = bob.post(f"{tab}/sources/new", {"way": "hook", "name": "Gate"})
    row = made(database, answer)
    assert (row.kind, row.name) == ("hook", "Gate")
    address = f"{settings.public_url}/hooks/{row.token}"
    path = answer.headers["Location"]
    for tool in ("curl", "python", "n8n", "make", "any"):
        assert address in "\n".join(blocks(bob.get(f"{path}?tool={tool}").text)), tool
    (workflow,) = blocks(bob.get(f"{path}?tool=n8n").text)
    nodes = json.loads(workflow)["nodes"]
    assert address in [one["parameters"].get("url") for one in nodes]
    (program,) = blocks(bob.get(f"{path}?tool=python").text)
    compile(program, "pasted", "exec")
    assert row.token not in readers["Rosa"].get(tab).text, "the address is a secret"


def test_a_key_for_zapier_is_made_by_an_owner_alone_and_shown_once(
    readers: Readers, tab: str, stage: Stage
) -> None:
    path = f"{tab}/sources/{stage.ids['source_id']}/connect?tool=zapier"
    assert "Make a key for Zapier" not in readers["Bob"].get(path).text
    assert "Make a key for Zapier" in readers["Alice"].get(path).text
    answer = readers["Alice"].post(path.replace("connect?tool=zapier", "zapier-key"))
    secret = re.search(SECRET_PREFIX + r"\w+", answer.text)
    assert secret is not None
    assert secret[0] not in readers["Alice"].get(path).text
    asked = readers["Alice"].client.get(
        "/api/v1/classifiers", headers={"Authorization": f"Bearer {secret[0]}"}
    )
    assert asked.status_code == 200


def test_what_a_tool_sends_is_tried_dry(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    path = f"{tab}/sources/{stage.ids['source_id']}/dry"
    sent = json.dumps({"order": {"photo": "https://shop.example/1.jpg"}})
    answer = readers["Bob"].post(path, {"body": sent, "image_field": "order.photo"})
    assert "In order.photo: the URL https://shop.example/1.jpg" in said(answer.text)
    answer = readers["Bob"].post(path, {"body": "{"})
    assert answer.status_code in (400, 415, 422)
    assert "field-error" in answer.text or 'role="alert"' in answer.text
    assert readers["Bob"].post(path, {"body": "{}"}).status_code in (400, 422)
    with database.read() as session:
        mine = session.query(Prediction).filter_by(source_id=stage.ids["source_id"])
        assert mine.count() == 0, "nothing was kept"


def test_a_folder_is_watched_where_that_is_allowed(
    readers: Readers, tab: str, database: Database, settings: Settings
) -> None:
    bob, folder = readers["Bob"], settings.sorted_dir / "inbox"
    folder.mkdir(parents=True)
    new = {"way": "folder", "name": "Inbox", "recursive": "on", "suffixes": ".png"}
    answer = bob.post(f"{tab}/sources/new", new | {"path": "/etc"})
    assert answer.status_code == 422
    field = re.search(r'<input id="f-path"[^>]*>', answer.text)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    answer = bob.post(f"{tab}/sources/new", new | {"path": str(folder), "take_existing": "on"})
    row = made(database, answer)
    assert row.settings["path"] == str(folder)
    page = bob.get(answer.headers["Location"]).text
    assert f"mv {folder}/photo.jpg.part {folder}/photo.jpg" in "\n".join(blocks(page))
    source = f"{tab}/sources/{row.id}"
    assert bob.post(f"{source}/scan", follow_redirects=True).status_code == 200
    answer = bob.post(f"{source}/settings", {"name": "Inbox", "path": str(folder)})
    assert answer.status_code == 303
    assert row_of(database, row.id).settings["recursive"] is False


def test_a_bucket_gets_policies_that_are_json_and_is_gone_through(
    readers: Readers, tab: str, database: Database
) -> None:
    bob = readers["Bob"]
    refused = bob.post(f"{tab}/sources/new", {"way": "s3", "name": "Scans", "buckets": "others"})
    assert refused.status_code == 422
    assert re.search(r'<textarea id="f-buckets"[^>]*aria-invalid="true"', refused.text)
    new = {"way": "sqs", "name": "Scans", "buckets": "scans", "queue_url": QUEUE, "prefix": "in/"}
    answer = bob.post(f"{tab}/sources/new", new)
    row = made(database, answer)
    for tool in ("sqs", "iam"):
        page = bob.get(f"{answer.headers['Location']}?tool={tool}").text
        files = [one for one in blocks(page) if one.startswith("{")]
        assert files, tool
        assert all(json.loads(one) for one in files)
        assert "arn:aws:s3:::scans" in "\n".join(files)
    source = f"{tab}/sources/{row.id}"
    bob.post(f"{source}/backfills", {"prefix": "in/2026/"})
    with database.read() as session:
        walk = session.query(Backfill).filter_by(source_id=row.id).one()
    assert (walk.bucket, walk.prefix, walk.status) == ("scans", "in/2026/", "queued")
    assert "waits its turn" in bob.get(source).text
    answer = bob.post(f"{source}/backfills/{walk.id}/stop", follow_redirects=True)
    assert "It takes nothing more." in answer.text
    with database.read() as session:
        assert session.get_one(Backfill, walk.id).status == "stopped"


def test_a_stores_key_is_filled_in_this_once(
    readers: Readers, tab: str, database: Database
) -> None:
    bob = readers["Bob"]
    form = bob.get(f"{tab}/sources/new?way=minio").text
    key = re.search(r'<input id="f-key"[^>]*value="(\w+)"', form)
    assert key is not None
    new = {
        "way": "minio",
        "name": "Store",
        "buckets": "scans",
        "endpoint_url": "https://minio.example.com:9000",
        "key": key[1],
    }
    answer = bob.post(f"{tab}/sources/new", new)
    assert answer.status_code == 200
    assert key[1] in "\n".join(blocks(answer.text))
    with database.read() as session:
        row = session.query(Source).filter_by(name="Store").one()
    assert key[1] not in json.dumps(row.settings)
    page = bob.get(f"{tab}/sources/{row.id}/connect").text
    assert key[1] not in page
    assert bob.get(f"{tab}/sources/{row.id}").status_code == 200
    kept = row.settings["key_sha256"]
    change = {"name": "Store", "buckets": "scans", "endpoint_url": new["endpoint_url"]}
    assert bob.post(f"{tab}/sources/{row.id}/settings", change).status_code == 303
    assert row_of(database, row.id).settings["key_sha256"] == kept
    bob.post(f"{tab}/sources/{row.id}/settings", change | {"no_key": "on"})
    assert not row_of(database, row.id).settings.get("key_sha256")


def test_a_source_is_paused_rotated_and_deleted(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    bob, source_id = readers["Bob"], stage.ids["source_id"]
    source, old = f"{tab}/sources/{source_id}", row_of(database, source_id).token
    headers = {"Content-Type": "image/png"}

    def hand_in(token: str, seed: int) -> int:
        data = picture("red", seed=seed)
        return bob.client.post(f"/hooks/{token}", data=data, headers=headers).status_code

    answer = bob.post(f"{source}/switch", {"state": "paused"}, follow_redirects=True)
    assert "It takes no pictures now." in answer.text
    assert "paused" in bob.get(tab).text
    assert hand_in(old, 901) in (423, 503)
    bob.post(f"{source}/switch", {"state": "active"})
    assert hand_in(old, 902) == 202
    answer = bob.post(f"{source}/rotate", {"grace": "0"}, follow_redirects=True)
    new = row_of(database, source_id).token
    assert new != old
    assert new in answer.text
    assert (hand_in(new, 903), hand_in(old, 904)) == (202, 404)
    bob.post(f"{source}/rotate", {"grace": "24"})
    assert hand_in(new, 905) == 202, "for a day"
    assert "Old address works until" in bob.get(source).text
    answer = bob.post(f"{source}/delete", follow_redirects=True)
    assert "The source is gone." in answer.text
    assert bob.get(source).status_code == 404
    assert hand_in(row_of(database, source_id).token, 906) in (404, 410)


def test_what_came_and_what_was_refused_stands_on_its_page(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    bob, source_id = readers["Bob"], stage.ids["source_id"]
    row = row_of(database, source_id)
    damaged = picture("red", seed=910)[:300]
    headers = {"Content-Type": "image/png"}
    assert bob.client.post(f"/hooks/{row.token}", data=damaged, headers=headers).status_code == 422
    page = bob.get(f"{tab}/sources/{source_id}").text
    assert "truncated_picture" in page
    assert "something is wrong" in bob.get(tab).text
    sent = bob.client.post(
        f"/hooks/{row.token}", data=picture("red", seed=911), headers=headers
    ).get_json()
    page = bob.get(f"{tab}/sources/{source_id}").text
    assert f"/pictures/{sent['id']}" in page
    assert "something is wrong" not in page, "since then one came"


def test_a_taken_name_stands_beside_its_field(readers: Readers, tab: str, stage: Stage) -> None:
    answer = readers["Bob"].post(f"{tab}/sources/new", {"way": "hook", "name": "Scanner"})
    assert answer.status_code == 409
    assert re.search(r'<input id="f-name"[^>]*aria-invalid="true"', answer.text)
    change = {"name": "Share", "image_field": ""}
    answer = readers["Bob"].post(f"{tab}/sources/{stage.ids['source_id']}/settings", change)
    assert answer.status_code == 409


def test_the_connect_page_waits_for_the_first_picture(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    source = f"{tab}/sources/{stage.ids['source_id']}"
    waiting = readers["Bob"].get(f"{source}/next")
    assert "Waiting for a picture" in waiting.text
    since = re.search(r"since=(\d+)", waiting.text)
    assert since is not None
    same = readers["Bob"].get(unescape(re.search(r'hx-get="([^"]+)"', waiting.text)[1]))  # type: ignore[index]
    assert same.status_code in (200, 204)
    token = row_of(database, stage.ids["source_id"]).token
    sent = readers["Bob"].client.post(
        f"/hooks/{token}", data=picture("red", seed=920), headers={"Content-Type": "image/png"}
    )
    asked = readers["Bob"].get(f"{source}/next?since={since[1]}", headers={"HX-Request": "true"})
    where = asked.headers.get("HX-Redirect") or asked.headers["Location"]
    assert where == f"{tab}/pictures/{sent.get_json()['id']}"


def test_the_workflow_is_the_one_that_the_docs_hold_and_the_tests_run() -> None:
    described = Path(__file__).parents[4] / "docs/n8n/send-pictures.json"
    assert (FOLDER / N8N).read_bytes() == described.read_bytes()
