"""Warm models: a few backbones and many heads, the least recently used given up first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from connector.storage.base import Blobs
from models.embed import Embedder
from models.heads import Head
from models.unlike import Unlike

BACKBONES = 4
HEADS = 2000
# Bytes: each holds up to a few megabytes of labelled pictures' embeddings.
UNLIKES = 300_000_000

T = TypeVar("T")


class Lru(Generic[T]):
    """Things by key, each made once; of all but the newest at most `capacity`, by `weigh`."""

    def __init__(
        self, capacity: int, make: Callable[[str], T], weigh: Callable[[T], int] = lambda _one: 1
    ) -> None:
        self._capacity, self._weight = capacity, 0
        self._make, self._weigh = make, weigh
        self._things: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> T:
        """Return the thing for `key`, made now if it is not there."""
        with self._lock:
            if key not in self._things:
                made = self._things[key] = self._make(key)
                self._weight += self._weigh(made)
                while self._weight > self._capacity and len(self._things) > 1:
                    self._weight -= self._weigh(self._things.popitem(last=False)[1])
            self._things.move_to_end(key)
            return self._things[key]


class Sessions:
    """Embedders, heads, and what tells unlike pictures, each by its hash in the blob store."""

    def __init__(self, blobs: Blobs, threads: int = 0) -> None:
        # "cuda" or "cpu", once a model was loaded.
        self.device: str | None = None
        self._blobs, self._threads = blobs, threads
        self._embedders = Lru(BACKBONES, self._load)
        self._heads = Lru(HEADS, lambda sha: Head.from_bytes(blobs.read(sha)))
        self._unlikes = Lru(
            UNLIKES, lambda sha: Unlike.from_bytes(blobs.read(sha)), lambda one: one.nbytes
        )

    def embedder(self, sha256: str) -> Embedder:
        """Return a warm embedder. Raises NotFound when the model's bytes are gone."""
        return self._embedders.get(sha256)

    def _load(self, sha256: str) -> Embedder:
        made = Embedder(self._blobs.read(sha256), threads=self._threads or None)
        self.device = made.device
        return made

    def head(self, sha256: str) -> Head:
        """Return a head. Raises NotFound when its bytes are gone."""
        return self._heads.get(sha256)

    def unlike(self, sha256: str) -> Unlike:
        """Return what tells pictures unlike the labelled ones. Raises NotFound."""
        return self._unlikes.get(sha256)
