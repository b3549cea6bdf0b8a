"""What docs/automations.md says of n8n: its code is run, its workflows are whole."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from recipes import AUTOMATIONS, WORKFLOWS, fenced, workflow

from connector import signing

SECRET = signing.new_secret()
BODY = json.dumps(
    {
        "type": "prediction.completed",
        "timestamp": "2026-11-24T09:00:00.000+00:00",
        "data": {"id": "pred_1", "label": "Écrin – 傷"},
    },
    ensure_ascii=False,
).encode()

# Runs the code of a Code node with what n8n gives it, as its task runner does: a function's body
# in a context of its own, where only the allowed module can be required.
CODE_NODE = """
const vm = require("node:vm");
const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const allowed = (name) => {
  if (name === "crypto") return require("node:crypto");
  throw new Error(`Module '${name}' is disallowed`);
};
const item = { json: { headers: given.headers, body: JSON.parse(given.parsed) } };
const context = vm.createContext({
  require: allowed,
  Buffer,
  $input: { first: () => item },
  helpers: {
    getBinaryDataBuffer: async (index, name) => {
      if (index !== 0 || name !== "data") throw new Error(`no binary ${name} in item ${index}`);
      return Buffer.from(given.body, "base64");
    },
  },
});
vm.runInContext(`(async function () {${given.code}\\n}).call(globalThis)`, context).then(
  (items) => console.log(JSON.stringify({ items })),
  (error) => console.log(JSON.stringify({ error: error.message })),
);
"""


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no node: install Node 20 or newer")
        pytest.skip("no node on this machine")
    return found


def code() -> str:
    [block] = fenced(AUTOMATIONS, "js")
    return block


def check(
    node: str, headers: dict[str, str], body: bytes = BODY, secret: str | None = SECRET
) -> dict[str, Any]:
    """Run the Code node on a message; what it gives: `items`, or the sentence of its `error`."""
    assert code().count("whsec_PUT-IT-HERE") == 1
    filled = code() if secret is None else code().replace("whsec_PUT-IT-HERE", secret)
    # n8n parses the body as well; the code must go by the bytes, so this differs from them.
    given = {
        "code": filled,
        "headers": headers,
        "parsed": json.dumps({"type": "parsed"}),
        "body": base64.b64encode(body).decode(),
    }
    done = subprocess.run(
        [node, "-e", CODE_NODE], input=json.dumps(given), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def signed(secret: str | list[str] = SECRET, *, ago: float = 0) -> dict[str, str]:
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    return signing.signed_headers(secret, "evt_1", moment, BODY)


def test_what_colabel_signed_passes_the_code_node(node: str) -> None:
    [item] = check(node, signed())["items"]
    assert item["json"] == {"webhook_id": "evt_1", **json.loads(BODY)}


@pytest.mark.parametrize("ago", [290, -290])
def test_clocks_may_differ_by_almost_five_minutes(node: str, ago: float) -> None:
    assert "items" in check(node, signed(ago=ago))


def test_both_secrets_pass_while_one_is_being_replaced(node: str) -> None:
    old = signing.new_secret()
    headers = signed([SECRET, old])
    assert headers["webhook-signature"].count(" ") == 1
    assert "items" in check(node, headers)
    assert "items" in check(node, headers, secret=old)


MISMATCH = "Not from colabel: the signature does not match."


def test_what_colabel_did_not_sign_stops_in_the_code_node(node: str) -> None:
    tampered = BODY.replace(b"pred_1", b"pred_2")
    assert check(node, signed(), tampered) == {"error": MISMATCH}
    assert check(node, signed(signing.new_secret())) == {"error": MISMATCH}
    other_id = {**signed(), "webhook-id": "evt_2"}
    assert check(node, other_id) == {"error": MISMATCH}


@pytest.mark.parametrize("said", ["", "v1,", "v1", "v1,AAAA", " , ", "v2,{}", "{}"])
def test_a_signature_that_is_none_stops_in_the_code_node(node: str, said: str) -> None:
    headers = signed()
    genuine = headers["webhook-signature"].removeprefix("v1,")
    headers["webhook-signature"] = said.format(genuine)
    assert check(node, headers) == {"error": MISMATCH}


@pytest.mark.parametrize("ago", [302, -302])
def test_an_old_message_stops_in_the_code_node(node: str, ago: float) -> None:
    assert check(node, signed(ago=ago))["error"].startswith("Too old")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_its_headers_stops_in_the_code_node(node: str, missing: str) -> None:
    headers = signed()
    del headers[missing]
    assert "error" in check(node, headers)


def test_a_secret_that_nobody_put_in_checks_nothing(node: str) -> None:
    # Whoever reads the page knows the placeholder, and could sign with it.
    placeholder = base64.b64decode("PUT+IT+HERE=")
    headers = signed()
    text = f"evt_1.{headers['webhook-timestamp']}.".encode() + BODY
    forged = base64.b64encode(hmac.digest(placeholder, text, hashlib.sha256)).decode()
    said = check(node, {**headers, "webhook-signature": f"v1,{forged}"}, secret=None)
    assert said == {"error": "Put the subscription's secret into the first line."}


# The versions of n8n's nodes that are in use here; n8n 2.41 has every one of them.
NODES = {
    "n8n-nodes-base.manualTrigger": 1,
    "n8n-nodes-base.httpRequest": 4.2,
    "n8n-nodes-base.if": 2.2,
    "n8n-nodes-base.webhook": 2,
    "n8n-nodes-base.code": 2,
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_whole(name: str) -> None:
    read = workflow(name)
    members = "name nodes pinData connections active settings tags"
    assert set(read) == set(members.split())
    names = [one["name"] for one in read["nodes"]]
    assert len(set(names)) == len({one["id"] for one in read["nodes"]}) == len(names)
    assert read["active"] is False
    for one in read["nodes"]:
        assert one["typeVersion"] == NODES[one["type"]]
        assert "credentials" not in one
    reached = set()
    for start, kinds in read["connections"].items():
        assert start in names
        assert set(kinds) == {"main"}
        for targets in kinds["main"]:
            for target in targets:
                assert target == {"node": target["node"], "type": "main", "index": 0}
                reached.add(target["node"])
    assert reached == set(names[1:]), "each node but the trigger is reached"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_page_names_every_node_of_a_workflow(name: str) -> None:
    assert f"(n8n/{name})" in AUTOMATIONS
    for one in workflow(name)["nodes"][1:]:
        assert f"**{one['name']}**" in AUTOMATIONS


def test_the_workflow_holds_the_code_of_the_page_and_takes_the_raw_body() -> None:
    nodes = {one["name"]: one["parameters"] for one in workflow("receive-events.json")["nodes"]}
    assert nodes["Check Signature"]["jsCode"] == code()
    hook = nodes["Webhook"]
    assert (hook["httpMethod"], hook["options"]) == ("POST", {"rawBody": True})
    # A failing workflow must answer with an error, or colabel takes the event for delivered.
    assert hook["responseMode"] == "lastNode"
    # The address stands in the message: it is called only behind the check.
    rest = workflow("receive-events.json")["connections"]
    assert [one["node"] for one in rest["Webhook"]["main"][0]] == ["Check Signature"]
    assert nodes["Read the Rest"]["url"] == "={{ $json.data.url }}"
