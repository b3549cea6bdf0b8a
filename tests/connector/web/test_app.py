"""Errors are problem documents, routes are described, the process stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Person
from flask import Flask

from connector.settings import Settings
from connector.web.app import create_app

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "onnxruntime", "sklearn", "scipy", "boto3", "numpy", "models", "workers")


def test_the_web_process_imports_nothing_heavy() -> None:
    program = (
        f"import sys, connector.web.app\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_an_unknown_address_is_a_problem(app: Flask) -> None:
    response = app.test_client().get("/api/v1/nothing")
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert response.json is not None
    assert response.json["code"] == "no_such_address"
    assert "openapi.json" in response.json["detail"]


def test_a_wrong_method_says_which_are_right(app: Flask) -> None:
    response = app.test_client().put("/api/v1/classifiers")
    assert response.status_code == 405
    assert response.json is not None
    assert response.json["code"] == "method_not_allowed"
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_an_unforeseen_error_shows_a_number_and_no_traceback(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise RuntimeError("a secret detail")

    app = create_app(settings)
    app.add_url_rule("/broken", view_func=broken)
    response = app.test_client().get("/broken")
    assert response.status_code == 500
    assert response.mimetype == "application/problem+json"
    assert response.json is not None
    assert "a secret detail" not in response.text
    assert "Traceback" not in response.text
    assert response.json["error_id"] in caplog.text
    assert "a secret detail" in caplog.text
    app.extensions["colabel"].database.close()


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/nothing", "/api/v1/openapi.json"])
def test_every_answer_is_hardened(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_nul_in_an_id_or_a_query_is_refused(app: Flask, alice: Person) -> None:
    client = app.test_client()
    inside = client.get("/api/v1/predictions/pred_%00", headers=alice.headers)
    assert inside.status_code == 404
    query = client.get("/api/v1/predictions?external_id=a%00b", headers=alice.headers)
    assert query.status_code == 400
    assert query.json is not None
    assert query.json["code"] == "bad_request"
