"""The web application: everything that answers HTTP, put together."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache, partial
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from connector.settings import Settings, load_settings
from connector.web.api.actions import actions
from connector.web.api.audit import audit
from connector.web.api.classifiers import classifiers
from connector.web.api.deliveries import deliveries
from connector.web.api.digests import digests
from connector.web.api.events import events
from connector.web.api.examples import examples
from connector.web.api.imports import imports
from connector.web.api.labels import labels
from connector.web.api.me import me
from connector.web.api.predictions import predictions
from connector.web.api.put_right import put_right
from connector.web.api.reviews import reviews
from connector.web.api.rules import rules
from connector.web.api.s3 import s3
from connector.web.api.sources import sources
from connector.web.api.studies import studies
from connector.web.api.training import training
from connector.web.api.undos import undos
from connector.web.api.versions import versions
from connector.web.api.webhooks import webhooks
from connector.web.errors import register_errors
from connector.web.health import health
from connector.web.hooks import hooks
from connector.web.metrics import metrics
from connector.web.openapi import build_document
from connector.web.operations import Api
from connector.web.reading import ColabelRequest
from connector.web.s3_hook import s3_hook
from connector.web.services import KEY, Services
from connector.web.ui.rendering import set_up_templates
from connector.web.ui.views import PAGES

APIS: tuple[Api, ...] = (
    hooks,
    s3_hook,
    predictions,
    reviews,
    actions,
    undos,
    put_right,
    classifiers,
    labels,
    examples,
    imports,
    sources,
    s3,
    training,
    versions,
    studies,
    rules,
    digests,
    webhooks,
    events,
    deliveries,
    me,
    audit,
    health,
    metrics,
)


class JsonProvider(DefaultJSONProvider):
    """JSON as it is meant to be read: UTF-8, in the order given, times in ISO 8601."""

    ensure_ascii = False
    sort_keys = False
    compact = True

    @staticmethod
    def default(value: Any) -> Any:
        """Write a time with its offset; the framework's own way is a date in HTTP's form."""
        return (
            value.isoformat() if isinstance(value, datetime) else DefaultJSONProvider.default(value)
        )


class Application(Flask):
    """Flask, with our request class."""

    request_class = ColabelRequest
    json_provider_class = JsonProvider


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application; raises ConfigurationError for a bad setting."""
    settings = settings or load_settings()
    app = Application("connector.web", static_folder=None, template_folder="templates")
    equip(app, settings)
    app.url_map.strict_slashes = False
    if settings.proxies:
        number = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, number, number, number)  # type: ignore[method-assign]
    register_errors(app)
    set_up_templates(app)
    for part in (*APIS, *PAGES):
        app.register_blueprint(part)
    app.after_request(_harden)
    return app


def equip(app: Flask, settings: Settings) -> None:
    """Give an application all that depends on settings, and nothing of what it had before."""
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_bytes
    app.extensions = {
        KEY: Services.start(settings),
        "colabel.openapi": partial(_document, settings.public_url),
    }


@lru_cache(maxsize=1)
def _document(server: str) -> dict[str, Any]:
    operations = [operation for api in APIS for operation in api.operations]
    return build_document(operations, version=version("colabel"), server=server)


def _harden(response: Response) -> Response:
    """Headers that hold for every answer, unless a route set its own."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
    )
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.path.startswith(("/api/", "/hooks/")):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
