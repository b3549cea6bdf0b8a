"""Are pretrained weights to be had? Found out once, and told to page, CLI, API and doctor."""

from __future__ import annotations

import logging
import threading
from typing import Any

from connector.domain import facts
from connector.errors import ColabelError
from connector.settings import Settings
from models.embed import gpu_present
from models.errors import ModelError
from models.signature import Card
from workers.runtime import Runtime

logger = logging.getLogger(__name__)


def check(settings: Settings) -> dict[str, Any]:
    """Look for the weights as a training would; a download gives up soon without a connection.

    Returns {available, backbone, source, sentence}; `available` says whether it is the network that
    was wanted, and not the next best.
    """
    # torch takes seconds to load, so not before somebody asks.
    from models import backbone

    device = "cuda" if gpu_present() else "cpu"
    try:
        source = backbone.find(settings.backbone, settings.weights, device=device)
    except ModelError as error:
        return _fact(settings.backbone, None, error.detail)
    return _fact(source.name, source.origin, source.missing)


def _fact(name: str | None, origin: str | None, missing: str | None) -> dict[str, Any]:
    sentence = missing or f"Pretrained weights of {name} are at hand ({origin})."
    return {"available": missing is None, "backbone": name, "source": origin, "sentence": sentence}


def remember(rt: Runtime, card: Card, missing: str | None) -> None:
    """Keep what a training found out about the weights."""
    fact = _fact(card.backbone, card.weights_source, missing)
    with rt.database.write() as session:
        facts.put(session, facts.WEIGHTS, fact)


def check_in_background(rt: Runtime) -> threading.Thread:
    """Check and keep the fact in a thread: a slow download must not hold up the queue."""

    def work() -> None:
        try:
            fact = check(rt.settings)
            with rt.database.write() as session:
                facts.put(session, facts.WEIGHTS, fact)
        except ColabelError as error:
            logger.warning("what was found out about the weights is lost: %s", error.detail)
        else:
            logger.log(logging.INFO if fact["available"] else logging.WARNING, fact["sentence"])

    thread = threading.Thread(target=work, name="weights", daemon=True)
    thread.start()
    return thread
