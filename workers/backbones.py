"""Exported backbones, kept as blobs and found again by what they were made of."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from connector.domain import facts
from connector.errors import NotFound
from workers.runtime import Runtime

PREFIX = "backbone:"


class KeptBackbones(MutableMapping[str, bytes]):
    """Network and weights -> its ONNX file: exported once, whatever trains on it later."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def __getitem__(self, key: str) -> bytes:
        with self._rt.database.read() as session:
            fact = facts.get(session, PREFIX + key)
        if fact is None:
            raise KeyError(key)
        try:
            return self._rt.blobs.read(str(fact["sha256"]))
        except NotFound as error:
            raise KeyError(key) from error

    def __setitem__(self, key: str, model: bytes) -> None:
        sha256 = self._rt.blobs.put(model)
        with self._rt.database.write() as session:
            facts.put(session, PREFIX + key, {"sha256": sha256})

    def __delitem__(self, key: str) -> None:
        with self._rt.database.write() as session:
            facts.remove(session, PREFIX + key)

    def __iter__(self) -> Iterator[str]:
        with self._rt.database.read() as session:
            found = facts.keys(session, PREFIX)
        return (key.removeprefix(PREFIX) for key in found)

    def __len__(self) -> int:
        with self._rt.database.read() as session:
            return len(facts.keys(session, PREFIX))
