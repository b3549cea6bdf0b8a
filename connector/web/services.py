"""What every request needs, made once per process."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from connector.db import Database
from connector.domain.quotas import Quotas
from connector.embedded import redis_url
from connector.jobs import Bells, connect
from connector.ringer import Ringer
from connector.settings import Settings
from connector.storage import Blobs, open_blobs
from connector.web.known_hooks import KnownHooks
from connector.web.numbers import Numbers

KEY = "colabel"


@dataclass(frozen=True)
class Services:
    """The parts of the service that routes work with."""

    settings: Settings
    database: Database
    blobs: Blobs
    bells: Bells
    hooks: KnownHooks
    quotas: Quotas
    numbers: Numbers

    @classmethod
    def start(cls, settings: Settings) -> Services:
        """Open what the settings name; nothing is connected to yet."""
        bells = Bells(connect(redis_url(settings)))
        database = Database(settings.database, ring=Ringer(bells).ring)
        return cls(
            settings=settings,
            database=database,
            blobs=open_blobs(settings),
            bells=bells,
            hooks=KnownHooks(database),
            quotas=Quotas(database, settings),
            numbers=Numbers(database, bells),
        )


def services() -> Services:
    """Return the services of the application that answers the present request."""
    found: Services = current_app.extensions[KEY]
    return found
