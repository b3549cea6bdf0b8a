"""Somebody who calls the API, and holds every answer against the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse


class Caller:
    """Somebody who calls the API; each answer must be as the OpenAPI document says."""

    def __init__(self, app: Flask, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = headers
        self.document: dict[str, Any] = app.extensions["colabel.openapi"]()

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        response = self.app.test_client().open(
            path, method=method, headers=headers, buffered=True, **options
        )
        self.check(method, path, response)
        return response

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self("POST", path, **options)

    def check(self, method: str, path: str, response: TestResponse) -> None:
        """Compare status, media type and body with the document."""
        adapter = self.app.url_map.bind("localhost")
        rule, _ = adapter.match(path.partition("?")[0], method=method, return_rule=True)
        pattern = "".join(f"{{{part}}}" if dynamic else part for dynamic, part in _parts(rule.rule))
        described = self.document["paths"][pattern][method.lower()]["responses"]
        said = described.get(str(response.status_code))
        assert said is not None, f"{method} {path}: {response.status} is not described"
        if response.status_code == 204:
            assert response.data == b""
            return
        if "$ref" in said:
            said = self.document["components"]["responses"][said["$ref"].rpartition("/")[2]]
        kinds = said["content"]
        media_type = response.mimetype if response.mimetype in kinds else next(iter(kinds))
        content = kinds[media_type]
        if media_type.endswith("json"):
            assert response.mimetype == media_type
            schema = {**content["schema"], "components": self.document["components"]}
            Draft202012Validator(schema).validate(response.json)


def _parts(rule: str) -> Iterator[tuple[bool, str]]:
    for piece in rule.replace("<", "\0<").replace(">", "\0").split("\0"):
        if piece.startswith("<"):
            yield True, piece[1:].rpartition(":")[2]
        elif piece:
            yield False, piece
