"""A runtime that can train in no time, and what it is to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from colours import backbone as colour_backbone

from connector.db.tables import Classifier
from connector.domain import classifiers, outbound
from models import backbone
from models.pretrained import key_of
from workers.backbones import KeptBackbones
from workers.runtime import Runtime


@pytest.fixture
def trainable(rt: Runtime, tmp_path: Path) -> Runtime:
    """Give the runtime with its pretrained backbone exported: the one that sees mean colours."""
    file = tmp_path / "weights" / "mobilenet_v2.pth"
    file.parent.mkdir()
    file.write_bytes(b"never loaded, for its export is kept")
    rt.settings = rt.settings.model_copy(update={"weights": file, "finetune_seconds": 0})
    key = key_of(backbone.find(None, file), "sort")
    KeptBackbones(rt)[key] = colour_backbone()
    return rt


@pytest.fixture
def paints(trainable: Runtime, alice: Any) -> Classifier:
    """Give Alice's classifier without examples, whose events somebody wants."""
    events = ["model.promoted", "model.rejected"]
    wanted = outbound.subscription(trainable.settings, "https://93.184.216.34/hook", events)
    with trainable.database.write() as session:
        made = classifiers.create_classifier(session, alice.workspace_id, name="paints")
        outbound.create_webhook(session, alice.workspace_id, wanted)
    return made
