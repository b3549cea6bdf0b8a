"""A running service with a furnished workspace, for the browser's tests and the screenshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page
from running import Prepared, Service, prepare
from stage import Stage, furnish

from connector.settings import load_settings
from workers.runtime import open_runtime

Opener = Callable[..., Page]


@dataclass(frozen=True)
class Site:
    """A running service and who and what there is in it."""

    service: Service
    stage: Stage

    @property
    def url(self) -> str:
        """The service's address."""
        return self.service.url

    def token(self, name: str) -> str:
        """Return the token of a session of this person."""
        return self.stage.people[name].token


def furnished(data_dir: Path) -> tuple[Prepared, Stage]:
    """Make a data folder with a furnished workspace, before anything runs on it."""
    prepared = prepare(data_dir)
    rt = open_runtime(load_settings(data_dir=data_dir), with_redis=False)
    stage = furnish(rt, prepared.workspace_id, prepared.classifier_id)
    rt.database.close()
    return prepared, stage
