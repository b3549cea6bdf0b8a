"""What the recipes tell users of other tools to send is what the hook takes."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from caller import Caller
from colours import picture
from recipes import AUTOMATIONS, ZAPIER, chapter, fenced, sent_by_curl, workflow
from werkzeug.test import TestResponse

RED = picture("red")


def body_of(response: TestResponse) -> dict[str, Any]:
    answer: dict[str, Any] = response.json or {}
    return answer


def cells(text: str) -> list[list[str]]:
    """Return the rows of a page's table."""
    rows = [line.strip(" |").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def hand_in() -> dict[str, Any]:
    [found] = [one for one in workflow("send-pictures.json")["nodes"] if one["name"] == "Hand In"]
    parameters: dict[str, Any] = found["parameters"]
    return parameters


def as_n8n_sends(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the call that n8n's HTTP Request node makes by these parameters."""
    form: dict[str, Any] = {}
    for one in parameters["bodyParameters"]["parameters"]:
        if one["parameterType"] == "formBinaryData":
            form[one["name"]] = (io.BytesIO(RED), "photo.png")
        else:
            form[one["name"]] = one["value"].replace("={{ $execution.id }}", "41")
    headers = {
        one["name"]: one["value"].replace("={{ $execution.id }}", "41")
        for one in parameters["headerParameters"]["parameters"]
    }
    query = {one["name"]: one["value"] for one in parameters["queryParameters"]["parameters"]}
    return {"data": form, "headers": headers, "query_string": query}


def test_what_n8n_sends_is_taken_once(as_nobody: Caller, job: Any, workers: None) -> None:
    parameters = hand_in()
    assert (parameters["method"], parameters["contentType"]) == ("POST", "multipart-form-data")
    first = as_nobody.post(job.hook, **as_n8n_sends(parameters))
    assert first.status_code == 200
    shown = body_of(first)
    # What the workflow's next node goes by.
    assert (shown["status"], shown["label"]) == ("done", "red")
    assert (shown["name"], shown["external_id"]) == ("photo.png", "41")
    again = as_nobody.post(job.hook, **as_n8n_sends(parameters))
    assert (again.status_code, body_of(again)["id"]) == (200, shown["id"])
    assert again.headers["Idempotent-Replayed"] == "true"


def test_n8n_waits_for_longer_than_it_asks_colabel_to() -> None:
    parameters = hand_in()
    [wait] = [one["value"] for one in parameters["queryParameters"]["parameters"]]
    assert parameters["options"]["timeout"] > int(wait) * 1000


def test_what_make_sends_is_taken_once(as_nobody: Caller, job: Any) -> None:
    rows = {row[0]: row[1] for row in cells(chapter(AUTOMATIONS, "Make")) if len(row) > 1}
    names = [re.search(r"name `(\w+)`", rows[f"Body › Field {n}"]) for n in (1, 2)]
    picture_field, own_id = [found[1] for found in names if found]
    [header] = re.findall(r"^`([\w-]+)` =", rows["Headers"])

    def send() -> TestResponse:
        form = {picture_field: (io.BytesIO(RED), "1.png"), own_id: "order-7"}
        return as_nobody.post(job.hook, data=form, headers={header: "file-1"})

    first, again = send(), send()
    assert (first.status_code, again.status_code) == (202, 200)
    assert body_of(first)["external_id"] == "order-7"
    assert body_of(again)["id"] == body_of(first)["id"]


def test_the_raw_file_that_power_automate_sends_is_taken(as_nobody: Caller, job: Any) -> None:
    headers = dict(
        re.findall(r"`(Content-[\w-]+)` = `([^`]+)`", chapter(AUTOMATIONS, "Power Automate"))
    )
    headers.pop("Content-Type")
    kind = "image/png"
    sent = {**headers, "Idempotency-Key": "file-1"}
    first = as_nobody.post(job.hook, data=RED, content_type=kind, headers=sent)
    assert (first.status_code, body_of(first)["name"]) == (202, "photo.jpg")
    again = as_nobody.post(job.hook, data=RED, content_type=kind, headers=sent)
    assert body_of(again)["id"] == body_of(first)["id"]


def test_power_automate_must_not_follow_a_202(as_nobody: Caller, job: Any) -> None:
    """As the page says: the Location of a 202 needs a key, which the action does not send."""
    accepted = as_nobody.post(job.hook, data=RED)
    assert accepted.status_code == 202
    assert as_nobody.get(urlsplit(accepted.headers["Location"]).path).status_code == 401


def test_the_json_that_power_automate_sends_is_taken_once(as_nobody: Caller, job: Any) -> None:
    [block] = fenced(chapter(AUTOMATIONS, "Power Automate"), "json")
    assert block.count("@{base64(triggerBody())}") == 1
    body = json.loads(block.replace("@{base64(triggerBody())}", base64.b64encode(RED).decode()))
    first, again = as_nobody.post(job.hook, json=body), as_nobody.post(job.hook, json=body)
    assert (first.status_code, again.status_code) == (202, 200)
    assert body_of(first)["external_id"] == "order-7"
    assert body_of(again)["id"] == body_of(first)["id"]


def test_the_subscription_of_the_page_is_made(as_alice: Caller) -> None:
    [body] = sent_by_curl(AUTOMATIONS)
    made = as_alice.post("/api/v1/webhooks", json=body)
    assert made.status_code == 201
    assert body_of(made)["secret"].startswith("whsec_")


@pytest.mark.parametrize("recipe", ["orientation", "sort"])
def test_the_rules_of_the_zapier_recipes_are_rules(as_alice: Caller, recipe: str) -> None:
    upright, damaged = sent_by_curl(ZAPIER)
    labels = {"labels": ["ok", "scratched"]} if recipe == "sort" else {}
    made = as_alice.post("/api/v1/classifiers", json={"name": "x", "recipe": recipe, **labels})
    rule = damaged if recipe == "sort" else upright
    path = f"/api/v1/classifiers/{body_of(made)['id']}/rules"
    assert as_alice.post(f"{path}/preview", json=rule).status_code == 200
    assert as_alice.post(path, json=rule).status_code == 201
