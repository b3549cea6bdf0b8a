"""Nothing that was accepted is lost or done twice, whatever dies meanwhile.

The full size is benchmarks/chaos.py.
"""

from __future__ import annotations

import pytest
from running import Prepared, running
from storm import Storm

pytestmark = [pytest.mark.service, pytest.mark.timeout(180)]

SETTLE_SECONDS = 60


def test_kill_9_of_anything_while_pictures_arrive(prepared: Prepared) -> None:
    with running(prepared) as service:
        storm = Storm(service, count=150, seconds=10)
        storm.make_rules()
        storm.rage(kill_every=0.7)
        assert sum(storm.kills.values()) >= 10, storm.kills
        storm.settle(SETTLE_SECONDS)
        storm.check()


def test_redis_emptied_while_pictures_arrive(prepared: Prepared) -> None:
    with running(prepared) as service:
        storm = Storm(service, count=100, seconds=4)
        storm.make_rules()
        storm.rage(flush_every=0.3)
        assert storm.flushes >= 8
        storm.settle(SETTLE_SECONDS)
        storm.check()
