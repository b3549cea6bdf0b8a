"""kill -9 at every moment of asking in Slack: each question is asked, twice at most, answered once.

The worker is a process of its own that gets a real SIGKILL: before and after each transaction, and
once Slack has taken a message and nobody has noted it yet.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from asking import ask
from fake_slack import Slack
from slack_asks import ask_in, click, questions, slack_of, text_of, work
from slack_rules import buttons
from sqlalchemy import select, update

from connector.db.tables import Asking, Classifier, Review
from connector.db.types import utcnow
from connector.domain.predictions import SourceRef
from workers import act
from workers.runtime import Runtime

MOST_MOMENTS = 60

WORKER = """
import json, os, signal, sys
from contextlib import contextmanager
from connector import slack
from connector.db import Database
from connector.settings import load_settings
from connector.storage import LocalBlobs
from workers import ask
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

        write, post, change = rt.database.write, slack.post_message, slack.update_message

        @contextmanager
        def writing():
            tick()
            with write() as session:
                yield session
            tick()

        def told(call):
            def telling(*args):
                found = call(*args)
                tick()
                return found
            return telling

        rt.database.write = writing
        slack.post_message, slack.update_message = told(post), told(change)
        while ask.step(rt):
            pass
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def slack(rt: Runtime) -> Iterator[Slack]:
    with slack_of(rt) as server:
        yield server


@pytest.fixture
def worker(rt: Runtime, slack: Slack) -> Iterator[subprocess.Popen[str]]:
    names = ("slack_token", "slack_api", "allow_private_addresses", "secret_key", "public_url")
    wanted = {name: getattr(rt.settings, name) for name in names}
    wanted |= {"data_dir": str(rt.settings.data_dir), "database_url": rt.settings.database}
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, json.dumps(wanted)],
        cwd=Path(act.__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed_at(worker: subprocess.Popen[str], moment: int) -> bool:
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(moment, file=worker.stdin, flush=True)
    code = int(worker.stdout.readline())
    assert code in (0, -signal.SIGKILL)
    return code != 0


def let_leases_end(rt: Runtime) -> None:
    past = utcnow() - timedelta(seconds=1)
    with rt.database.write() as session:
        held = Asking.lease_until.is_not(None)
        session.execute(update(Asking).where(held).values(lease_until=past))


def open_messages(slack: Slack) -> dict[str, list[str]]:
    """Return the timestamps of messages with buttons, by the question that they ask."""
    found: dict[str, list[str]] = {}
    for (_, ts), message in slack.messages.items():
        for button in buttons(message):
            found.setdefault(json.loads(button["value"])["review"], []).append(ts)
            break
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_at_any_moment_every_question_is_asked_and_every_answer_shown(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    slack: Slack,
    worker: subprocess.Popen[str],
) -> None:
    ask_in(rt, colours)
    twice = 0
    for moment in range(1, MOST_MOMENTS):
        [review_id] = ask(rt, api_source, first=10 * moment)
        killed = killed_at(worker, moment)
        let_leases_end(rt)
        work(rt)
        asked = open_messages(slack)[review_id]
        assert 1 <= len(asked) <= 2
        twice += len(asked) == 2
        # The last one is clicked on: it may be the one that nobody noted.
        click(rt, slack.click(asked[-1], "red", f"ann{moment}"))
        late = slack.click(asked[0], "blue", "carla")
        click(rt, late)
        killed = killed_at(worker, moment) or killed
        let_leases_end(rt)
        work(rt)
        assert open_messages(slack) == {}
        for ts in asked:
            shown = text_of(slack.messages["C0ALERTS", ts])
            assert f"ann{moment} (Slack) answered: *red*." in shown
        with rt.database.read() as session:
            row = session.get_one(Review, review_id)
            assert (row.state, row.label) == ("answered", "red")
        if not killed:
            break
    else:
        pytest.fail("the worker never ends")
    assert twice >= 1, "killed between posting and noting it, it is asked again"
    states = Counter(one.state for one in questions(rt.database))
    assert set(states) == {"closed"}
    with rt.database.read() as session:
        assert session.scalars(select(Review).where(Review.state == "open")).all() == []
