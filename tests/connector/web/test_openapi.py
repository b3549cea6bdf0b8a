"""The OpenAPI document holds exactly what there is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from connector.web.app import APIS
from connector.web.operations import Api
from connector.web.ui.pages import Pages


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """The document as it is served."""
    response = app.test_client().get("/api/v1/openapi.json")
    assert response.json is not None
    found: dict[str, Any] = response.json
    return found


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def _is_page(app: Flask, endpoint: str) -> bool:
    """Pages are for people: they are declared, but not to programs."""
    return isinstance(app.blueprints.get(endpoint.partition(".")[0]), Pages)


def test_every_route_is_described_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not _is_page(app, rule.endpoint)
    }
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    assert routes == described


def test_every_description_says_something(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert len(operation["description"]) > 10, (path, method)
            assert operation["responses"], (path, method)


def test_only_a_few_routes_are_open_to_everybody(document: dict[str, Any]) -> None:
    is_open = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if not operation["security"]
    }
    assert is_open == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/hooks/{token}",
        "/hooks/{token}/s3",
        "/slack/interactions",
        "/api/v1/openapi.json",
    }


def test_operation_ids_are_unique() -> None:
    endpoints = [operation.endpoint for api in APIS for operation in api.operations]
    assert len(endpoints) == len(set(endpoints))


def test_a_route_cannot_be_added_without_its_description() -> None:
    api = Api("bare", __name__, tag="Bare")
    with pytest.raises(TypeError, match="operation"):
        api.add_url_rule("/bare", "bare", lambda: "")
