"""Tokens looked up lately, so that the hot road reads no source from the database."""

from __future__ import annotations

import threading
import time

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import classifiers
from connector.domain.classifiers import HOOK
from connector.domain.predictions import SourceRef
from connector.errors import NotFound

REMEMBER_SECONDS = 3.0
MAX_REMEMBERED = 1_000


class KnownHooks:
    """Remembers which source a token opens; what happened to its classifier is asked anew later."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, SourceRef]] = {}
        self._lock = threading.Lock()

    def find(self, token: str, kind: str = HOOK) -> SourceRef:
        """Return the source of this token. Raises NotFound, for one of another kind too."""
        source = self._find(token)
        if source.kind != kind:
            raise NotFound(
                "No source of this kind has this address; copy it again from its hook_url."
            )
        return source

    def _find(self, token: str) -> SourceRef:
        found = self._known.get(token)
        if found is not None and time.monotonic() < found[0]:
            return found[1]
        with self._database.read() as session:
            row = classifiers.source_by_token(session, token)
            source = SourceRef.of(row, session.get_one(Classifier, row.classifier_id))
        with self._lock:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[token] = (time.monotonic() + REMEMBER_SECONDS, source)
        return source

    def forget(self, classifier_id: str) -> None:
        """Look the hooks of this classifier up anew: it has changed. (Others notice later.)"""
        with self._lock:
            self._known = {
                token: found
                for token, found in self._known.items()
                if found[1].classifier_id != classifier_id
            }
