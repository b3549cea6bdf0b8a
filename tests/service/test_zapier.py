"""The Zapier app against a real service: its flows, run by Zapier's own core, in zapier_app/.

Each flow is a test of zapier_app/tests/contract; here is the house in which they all run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from running import Prepared, running
from zapier_house import ENVIRONMENT, House, attended, furnish, zapier_key

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]

APP = Path(__file__).parents[2] / "zapier_app"
SET_UP = "run `npm ci` in zapier_app (Node 20 or newer)"


def npm() -> str:
    """Return where npm is; without it or the app's packages the test cannot be run."""
    found = shutil.which("npm")
    if found is None or not (APP / "node_modules").is_dir():
        missing = "there is no npm" if found is None else "zapier_app/node_modules is missing"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}: {SET_UP}")
        pytest.skip(f"{missing}: {SET_UP}")
    return found


def test_the_app_and_the_service_keep_their_contract(prepared: Prepared) -> None:
    command = [npm(), "run", "--silent", "test:contract"]
    cast = furnish(prepared)
    facts = {
        "COLABEL_KEY": zapier_key(prepared, "Zapier"),
        "COLABEL_KEY_TO_REVOKE": cast.key_to_revoke,
        "COLABEL_ADMIN_KEY": prepared.key,
        "COLABEL_CHARLIES_KEY": cast.charlies_key,
        "COLABEL_CLASSIFIER": cast.classifier_id,
        "COLABEL_ACTING_CLASSIFIER": cast.acting_id,
        "COLABEL_CHARLIES_CLASSIFIER": cast.charlies_classifier_id,
        "COLABEL_SORTED": str(prepared.data_dir / "sorted"),
        "NO_COLOR": "1",
    }
    with running(prepared, environment=ENVIRONMENT) as service:
        house = House(service)
        house.warm()
        with attended(house) as desk:
            facts |= {"COLABEL_URL": service.url, "COLABEL_DESK": desk}
            done = subprocess.run(
                command,
                cwd=APP,
                env={**os.environ, **facts},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=360,
                check=False,
            )
        print(done.stdout)
        assert done.returncode == 0, f"vitest failed:\n{done.stdout}"
