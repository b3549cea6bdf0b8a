"""The pages about Zapier and tools like it: what they name exists, and Make's formula is right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime

from recipes import AUTOMATIONS, ROOT, ZAPIER

from connector import signing
from connector.domain.outbound import EVENT_TYPES
from connector.ids import new_id
from connector.web.app import APIS


def test_makes_formula_gives_the_signature() -> None:
    [formula] = re.findall(r"\{\{contains\((.*)\)\}\}` \| \*Boolean", AUTOMATIONS)
    found = re.fullmatch(r'split\(2\.signatures; " "\); "v1," \+ sha256\((.*)\)', formula)
    assert found
    text, output, key, key_encoding = found[1].rsplit("; ", 3)
    assert (output, key, key_encoding) == ('"base64"', '"SECRET"', '"base64"')
    body = '{"label": "Écrin – 傷"}'
    moment, secret = datetime.now(UTC), signing.new_secret()
    secrets = [signing.new_secret(), secret]
    headers = signing.signed_headers(secrets, "evt_1", moment, body.encode())
    values = {
        "2.id": headers["webhook-id"],
        "2.time": headers["webhook-timestamp"],
        "1.value": body,
    }
    parts = [json.loads(part) if part[0] == '"' else values[part] for part in text.split(" + ")]
    decoded = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(decoded, "".join(parts).encode(), hashlib.sha256)
    said = "v1," + base64.b64encode(digest).decode()
    assert said in headers["webhook-signature"].split(" ")
    for name in values:
        if name.startswith("2."):
            assert f"| `{name[2:]}` | `{{{{get(map(1.__IMTHEADERS__;" in AUTOMATIONS


def test_every_path_that_is_named_exists() -> None:
    there = {
        (operation.method, re.sub(r"<[^>]*>", "{}", operation.rule))
        for api in APIS
        for operation in api.operations
    }
    paths = {path for _, path in there}
    path_named = r"(?:(GET|POST|PATCH|DELETE) )?(/(?:api/v1|hooks)/[^\s`\"'|,)?]+)"
    named = re.findall(path_named, AUTOMATIONS + ZAPIER)
    assert len(named) > 8
    for method, path in named:
        plain = re.sub(r"@?\{+[^/]*|\$[A-Z]+", "{}", path).rstrip("/.")
        assert (method, plain) in there if method else plain in paths, f"{method} {path}"


def test_every_event_that_is_named_exists() -> None:
    [table] = re.findall(r"^\| event \|.*?\n\n", AUTOMATIONS, re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([a-z]+\.[a-z]+)`(?=[, ].*\| `data)", table)
    assert len(named) == 7
    assert set(named) <= set(EVENT_TYPES)
    for block in re.findall(r'"event_types": (\[[^\]]*\])', AUTOMATIONS):
        assert set(json.loads(block)) <= set(EVENT_TYPES)


def test_each_sentence_is_one_that_colabel_says() -> None:
    [table] = re.findall(r"^\| sentence \|.*?\n\n", ZAPIER, re.DOTALL | re.MULTILINE)
    sentences = re.findall(r"^\| “([^”]+)” \|", table, re.MULTILINE)
    assert len(sentences) == len(table.strip().splitlines()) - 2
    sources = "\n".join(path.read_text() for path in (ROOT / "connector").rglob("*.py"))
    whole = re.sub(r'"\s*\n\s*f?"', "", sources)
    assert [one for one in sentences if one not in whole] == []


def test_the_pattern_finds_a_review_in_a_message() -> None:
    [pattern] = re.findall(r"^\| \| Pattern \| `([^`]+)` \|", ZAPIER, re.MULTILINE)
    review = new_id("rev")
    assert re.findall(pattern, f"What is this? {review}. invoice, letter") == [review]


def test_one_version_of_the_command_line_tool_is_named() -> None:
    calls = re.findall(r"npx (\S+) zapier-platform ([a-z:]+)", ZAPIER)
    assert {package for package, _ in calls} == {"--package=zapier-platform-cli@19.1.0"}
    assert {"login", "register", "push", "users:add", "team:add"} <= {verb for _, verb in calls}


def test_the_page_about_zapier_names_what_the_integration_has() -> None:
    sources = [*(ROOT / "zapier_app" / "src").glob("*.ts")]
    for kind in ("triggers", "creates", "searches"):
        sources += (ROOT / "zapier_app" / "src" / kind).glob("*.ts")
    text = "\n".join(source.read_text() for source in sources)
    labels = set(re.findall(r'^\s+label: "([^"]+)",$', text, re.MULTILINE))
    keys = set(re.findall(r'^\s+key: "([a-z_]+)",\n\s+label: ', text, re.MULTILINE))
    assert {"Picture Classified", "Wait for a Person"} < labels
    keys -= {"api_key", "base_url"}  # Of the connection: shown by their labels alone.
    assert {"wait_for_person", "classifier_id"} < keys
    hidden = {label for label in labels if label.startswith("List of ")}
    assert sorted(one for one in labels - hidden if one.split(" Confidence")[0] not in ZAPIER) == []
    assert sorted(key for key in keys if f"`{key}`" not in ZAPIER) == []


def test_the_tool_that_pushes_is_as_old_as_the_core_that_runs() -> None:
    package = json.loads((ROOT / "zapier_app" / "package.json").read_text())
    core = package["dependencies"]["zapier-platform-core"]
    assert set(re.findall(r"zapier-platform-cli@([0-9.]+)", ZAPIER)) == {core}


def test_what_the_integration_says_itself_is_quoted_as_it_says_it() -> None:
    [table] = re.findall(r"^\| what you see \|.*?(?:\n\n|\Z)", ZAPIER, re.DOTALL | re.MULTILINE)
    quoted = re.findall(r"“([^”]+)”", table)
    assert len(quoted) >= 6
    said = "\n".join(one.read_text() for one in (ROOT / "zapier_app" / "src").rglob("*.ts"))
    assert [one for one in quoted if one not in said] == []
