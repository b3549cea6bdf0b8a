"""What every request needs, made once per process."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from connector import rates
from connector.db import Database
from connector.domain.arrivals import Arrivals
from connector.domain.quotas import Quotas
from connector.domain.stored import Shelf
from connector.embedded import redis_url
from connector.inbound.sns_certificates import SnsAddresses
from connector.jobs import Bells, connect
from connector.rates import Rates
from connector.ringer import Ringer
from connector.settings import Settings
from connector.storage import Blobs, open_blobs
from connector.storage.object_reading import ObjectStores
from connector.web.brakes import Brakes
from connector.web.known_hooks import KnownHooks
from connector.web.lanes import Lanes
from connector.web.numbers import Numbers
from connector.web.refusals import Refusals

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
    refusals: Refusals
    brakes: Brakes
    lanes: Lanes
    arrivals: Arrivals
    sns: SnsAddresses
    shelf: Shelf

    @classmethod
    def start(cls, settings: Settings) -> Services:
        """Open what the settings name; nothing is connected to yet."""
        bells = Bells(connect(redis_url(settings)))
        database = Database(settings.database, ring=Ringer(bells).ring)
        blobs = open_blobs(settings)
        quotas = Quotas(database, settings, rates=_rates(settings))
        return cls(
            settings=settings,
            database=database,
            blobs=blobs,
            bells=bells,
            hooks=KnownHooks(database),
            quotas=quotas,
            numbers=Numbers(database, bells),
            refusals=Refusals(database),
            brakes=Brakes(),
            lanes=Lanes(),
            arrivals=Arrivals(settings, database, blobs, quotas, ObjectStores(settings)),
            sns=SnsAddresses(settings),
            shelf=Shelf(database, blobs, local=settings.bucket is None),
        )


def _rates(settings: Settings) -> Rates | None:
    if not settings.max_rate:
        return None
    client = rates.connect(redis_url(settings))
    burst = settings.max_burst or settings.max_rate
    return Rates(client, per_minute=settings.max_rate, burst=burst)


def services() -> Services:
    """Return the services of the application that answers the present request."""
    found: Services = current_app.extensions[KEY]
    return found
