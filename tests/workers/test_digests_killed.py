"""kill -9 at every moment of sending a digest: all are told, and twice only in the same message.

The sender is a process of its own that gets a real SIGKILL: before and after each transaction, and
once the mail server has taken the message and has not yet said so.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acting import actions, add_rule, run, send
from postbox import Postbox, plain, postbox
from sqlalchemy import update

from connector.db.tables import Action, Classifier, Digest
from connector.db.types import utcnow
from connector.domain.predictions import SourceRef
from workers import act
from workers.runtime import Runtime

ALERT = {"kind": "alert", "params": {"channel": "email", "to": ["alice@example.com"]}}
MOST_MOMENTS = 10

SENDER = """
import json, os, signal, sys
from functools import partial
from connector import mail
from connector.db import Database
from connector.domain import digest_sending
from connector.settings import load_settings
from connector.storage import LocalBlobs
from workers import digests
from workers.runtime import Runtime

settings = load_settings(**json.loads(sys.argv[1]))
for line in sys.stdin:
    child = os.fork()
    if not child:
        rt = Runtime(settings, Database(settings.database), LocalBlobs(settings.blobs_dir))
        left = int(line)

        def tick():
            global left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        share, send = rt.database.share, mail.send_mail

        def sharing(write, *, group):
            tick()
            value = share(write, group=group)
            tick()
            return value

        def sending(*args, **kwargs):
            send(*args, **kwargs)
            tick()

        rt.database.share, mail.send_mail = sharing, sending
        # As the act job does it, but in one thread, so that the moments are the same every time.
        claim = partial(digest_sending.claim, limit=1, seconds=60, suspects=1)
        [bundle] = rt.database.share(claim, group="act")
        digests.send(rt, bundle)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def box(rt: Runtime) -> Iterator[Postbox]:
    with postbox() as box:
        rt.settings = rt.settings.model_copy(update={"smtp_url": box.url})
        yield box


@pytest.fixture
def sender(rt: Runtime, box: Postbox) -> Iterator[subprocess.Popen[str]]:
    wanted = {
        "data_dir": str(rt.settings.data_dir),
        "database_url": rt.settings.database,
        "secret_key": rt.settings.secret_key,
        "smtp_url": box.url,
    }
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, json.dumps(wanted)],
        cwd=Path(act.__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed_at(sender: subprocess.Popen[str], moment: int) -> bool:
    assert sender.stdin is not None
    assert sender.stdout is not None
    print(moment, file=sender.stdin, flush=True)
    code = int(sender.stdout.readline())
    assert code in (0, -signal.SIGKILL)
    return code != 0


def let_time_pass(rt: Runtime) -> None:
    """Every window is over, and every lease."""
    past = utcnow() - timedelta(seconds=1)
    with rt.database.write() as session:
        session.execute(update(Digest).where(Digest.status == "open").values(due_at=past))
        for table in (Action, Digest):
            held = table.lease_until.is_not(None)
            session.execute(update(table).where(held).values(lease_until=past))


def messages_of(box: Postbox, prediction_ids: list[str]) -> dict[str, Counter[str]]:
    """Return how often each message came that tells of a picture, by the pictures' ids."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for message in box.messages:
        for one in prediction_ids:
            if one in plain(message):
                found[one][message["Message-ID"]] += 1
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_at_any_moment_all_are_told(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    box: Postbox,
    sender: subprocess.Popen[str],
) -> None:
    add_rule(rt, colours, ALERT)
    repeated = 0
    for moment in range(1, MOST_MOMENTS):
        # Opens a window if none is open.
        send(rt, api_source)
        run(rt)
        ids: list[Any] = [send(rt, api_source, seed=10 * moment + seed) for seed in range(2)]
        run(rt)
        assert [actions(rt, one)[0].status for one in ids] == ["waiting"] * 2
        let_time_pass(rt)
        killed = killed_at(sender, moment)
        let_time_pass(rt)
        run(rt)
        assert [actions(rt, one)[0].status for one in ids] == ["done"] * 2
        told = messages_of(box, ids)
        assert [len(told[one]) for one in ids] == [1, 1]
        repeated += max(told[ids[0]].values()) > 1
        if not killed:
            break
    else:
        pytest.fail("the sender never ends")
    # Around claiming, after sending, and around noting that it was sent.
    assert moment == 6
    assert repeated == 2
