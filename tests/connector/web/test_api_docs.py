"""docs/api.md names everything there is, and nothing that is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from documented import codes
from flask import Flask
from jsonschema import Draft202012Validator

from connector.web.app import APIS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "api.md").read_text()
OPERATIONS = [operation for api in APIS for operation in api.operations]


def template(rule: str) -> str:
    return re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule)


def fenced(language: str) -> list[str]:
    """Return the code blocks of that language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [block for found, block in blocks if found == language]


def sections() -> dict[str, str]:
    """Return each endpoint's heading with what stands below it."""
    parts = re.split(r"^##+ (.*)$", TEXT, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {title: body for title, body in pairs if re.match(r"[A-Z]+ /", title)}


def test_every_endpoint_has_its_section_and_an_example() -> None:
    described = {f"{operation.method} {template(operation.rule)}" for operation in OPERATIONS}
    found = sections()
    assert set(found) == described
    assert [
        title for title, body in found.items() if not re.search(r"^(api|curl) ", body, re.M)
    ] == []


def test_every_error_code_that_is_documented_exists() -> None:
    packages = ("connector", "models", "workers")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    sources = "\n".join(path.read_text() for path in files)
    assert len(codes()) > 40
    assert sorted(code for code in codes() if f'"{code}"' not in sources) == []


# Of the command line, of the start, and of what no caller ever sees.
OF_THE_MACHINE = {
    "already_running",
    "configuration",
    "demo_failed",
    "lost_lease",
    "no_folder",
    "no_thumbnail",
    "unknown_revision",
}


# Of the pages: a person reads the sentence, and no caller of the API can get them.
OF_THE_PAGES = {
    "bad_email",
    "bad_period",
    "bad_time",
    "email_taken",
    "foreign_form",
    "last_owner",
    "link_expired",
    "link_used",
    "missing_role",
    "no_files",
    "no_label_named",
    "no_number",
    "no_sample",
    "not_failed",
    "not_foreseen",
    "not_labelled",
    "nothing_chosen",
    "person_disabled",
    "rule_changed",
    "same_version",
    "too_many_logins",
    "unknown_link",
    "unknown_role",
    "weak_password",
    "wrong_login",
    "zip_with_one_label",
}


def test_every_error_code_that_exists_is_documented() -> None:
    named = re.compile(r'(?:code=|default_code(?:: ClassVar\[str\])? = )"([a-z0-9_]+)"')
    found = {
        code
        for path in (ROOT / "connector").rglob("*.py")
        for code in named.findall(path.read_text())
    }
    assert len(found) > 100
    assert sorted(found - codes() - OF_THE_MACHINE - OF_THE_PAGES) == []


def commands() -> list[tuple[str, str, str | None]]:
    """Return (method, path, JSON body) of every curl example against the API."""
    found = []
    for block in fenced(""):
        for line in block.replace("\\\n", " ").splitlines():
            path = re.search(r'"\$URL([^"]*)"', line)
            if path is None or not line.startswith(("api ", "curl ")):
                continue
            explicit = re.search(r"-X (\w+)", line)
            body = re.search(r"-d '([^']*)'", line)
            sends = body is not None or " -F " in line or "--data-binary" in line
            method = explicit[1] if explicit else "POST" if sends else "GET"
            found.append((method, path[1], body[1] if body else None))
    return found


def test_the_examples_are_requests_that_the_api_takes(app: Flask) -> None:
    document: dict[str, Any] = app.extensions["colabel.openapi"]()
    adapter = app.url_map.bind("localhost")
    examples = commands()
    assert len(examples) > 40
    for method, path, body in examples:
        plain, _, query = path.partition("?")
        rule, _ = adapter.match(plain, method=method, return_rule=True)
        operation = document["paths"][template(rule.rule)][method.lower()]
        names = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
        assert set(re.findall(r"(?:^|&)(\w+)=", query)) <= names, path
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            Draft202012Validator(whole).validate(json.loads(body))


def test_the_prediction_that_is_shown_has_the_fields_that_there_are(app: Flask) -> None:
    document: dict[str, Any] = app.extensions["colabel.openapi"]()
    shown = next(json.loads(block) for block in fenced("json") if '"pred_' in block)
    assert set(shown) == set(document["components"]["schemas"]["Prediction"]["properties"])
