"""Exported backbones are kept, so that each is made once."""

from __future__ import annotations

import pytest

from workers.backbones import KeptBackbones
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@SQLITE
def test_exported_backbones_are_kept_until_their_bytes_are_gone(trainable: Runtime) -> None:
    kept = KeptBackbones(trainable)
    kept["net-1"] = b"first"
    kept["net_2"] = b"second"
    assert kept["net-1"] == b"first"
    assert {"net-1", "net_2"} <= set(kept)
    assert len(kept) == 3
    del kept["net_2"]
    assert "net_2" not in kept
    trainable.blobs.delete(trainable.blobs.put(b"first"))
    assert "net-1" not in kept
