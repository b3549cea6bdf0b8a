"""A thousand requests made from the OpenAPI document: answers are as it says, never a failure."""

from __future__ import annotations

import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from colours import colour_classifier
from documented import codes
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings

from connector.db import Database
from connector.domain import accounts, classifiers
from connector.settings import load_settings
from connector.storage import LocalBlobs
from connector.web.app import APIS, create_app

schemathesis = pytest.importorskip("schemathesis", reason="not among the locked packages yet")

conformance = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES = 15
CHECKS = [
    schemathesis.checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
]


@dataclass(frozen=True)
class Service:
    """An application, the headers of its owner, and what there is in it by the names in paths."""

    app: Flask
    headers: dict[str, str]
    known: dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sqlite_empty: Path) -> Iterator[Service]:
    """One application for all requests, with a classifier, and the headers of its owner."""
    data = tmp_path_factory.mktemp("fuzzed")
    shutil.copy(sqlite_empty, data / "colabel.db")
    loaded = load_settings(
        data_dir=data,
        secret_key="a secret of the tests",
        redis_url=f"unix://{data}/no-redis.sock",
        min_free_bytes=0,
        max_upload_bytes=1_000_000,
    )
    database = Database(loaded.database)
    with database.write() as session:
        key = str(accounts.ensure_first_workspace(session))
        workspace = accounts.authenticate(session, key).workspace_id
        classifier = colour_classifier(session, LocalBlobs(loaded.blobs_dir), workspace)
        hook = classifiers.source(session, classifier, "hook")
        known = {"classifier_id": classifier.id, "token": hook.token, "number": 1}
    app = create_app(loaded)

    def no_network(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patched:
        # Addresses are made up, too, and some of them are somebody's.
        patched.setattr(socket, "getaddrinfo", no_network)
        yield Service(app, {"Authorization": f"Bearer {key}"}, known)
    app.extensions["colabel"].database.close()
    app.extensions["colabel"].bells.client.close()
    database.close()


@pytest.fixture(scope="module")
def api(service: Service) -> Any:
    """The document as it is served."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", service.app)


def template(rule: str) -> str:
    return re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule)


# Whatever deletes comes last.
OPERATIONS = sorted(
    ((one.method, template(one.rule)) for api in APIS for one in api.operations),
    key=lambda one: one[0] == "DELETE",
)


# The test client of its transport leaves files that were sent as bodies to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_the_document_says(
    api: Any, service: Service, method: str, path: str
) -> None:
    @given(case=api[path][method].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        # Else nearly every answer would be that there is no such thing.
        case.path_parameters.update(
            {name: value for name, value in service.known.items() if f"{{{name}}}" in path}
        )
        if isinstance(case.query.get("wait"), int | float) and case.query["wait"] > 0:
            case.query["wait"] = 0  # no worker runs that could decide
        started = time.thread_time()
        response = case.call(headers=service.headers)
        assert time.thread_time() - started < 5
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400 and case.method != "HEAD":
            assert response.headers["content-type"][0].startswith("application/problem+json")
            assert response.json()["code"] in codes()

    send()
