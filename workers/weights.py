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

    Returns {available, backbone, source, sentence}.
    """
    # torch takes seconds to load, so not before somebody asks.
    from models import backbone

    device = "cuda" if gpu_present() else "cpu"
    try:
        source = backbone.find(settings.backbone, settings.weights, device=device)
    except ModelError as error:
        name = settings.backbone
        return {"available": False, "backbone": name, "source": None, "sentence": error.detail}
    return _available(source.name, source.origin)


def _available(name: str, origin: str) -> dict[str, Any]:
    sentence = f"Pretrained weights of {name} are at hand ({origin})."
    return {"available": True, "backbone": name, "source": origin, "sentence": sentence}


def remember(rt: Runtime, card: Card, notice: str | None) -> None:
    """Keep what a training found out about the weights."""
    if card.weights == "pretrained":
        fact = _available(card.backbone, card.weights_source)
    else:
        sentence = notice or "Pretrained weights are missing; set COLABEL_WEIGHTS to a file."
        fact = {"available": False, "backbone": None, "source": None, "sentence": sentence}
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
