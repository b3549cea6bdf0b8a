from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from connector.errors import Unauthorized
from connector.signing import (
    JITTER,
    RETRY_SCHEDULE,
    check_secret,
    new_secret,
    next_attempt_at,
    sign,
    signed_headers,
    verify,
)

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"
BODY = '{"type":"prediction.completed","data":{"label":"größer"}}'.encode()
OLD, NEW = new_secret(), new_secret()


def now() -> datetime:
    return datetime.now(UTC)


def test_the_specs_own_example_of_a_signature() -> None:
    # The known answer that the libraries of the specification are tested with.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    moment = datetime.fromtimestamp(1614265330, UTC)
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specs_library_accepts_what_we_sign() -> None:
    headers = signed_headers(NEW, "msg_1", now(), BODY)
    assert set(headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert Webhook(NEW).verify(BODY, headers)["data"]["label"] == "größer"


def test_the_time_zone_of_the_timestamp_does_not_matter() -> None:
    moment = now()
    elsewhere = moment.astimezone(timezone(timedelta(hours=9)))
    assert signed_headers(NEW, "msg_1", moment, BODY) == signed_headers(
        NEW, "msg_1", elsewhere, BODY
    )


def test_during_rotation_the_holder_of_either_secret_is_content() -> None:
    headers = signed_headers([NEW, OLD], "msg_1", now(), BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    for held in (OLD, NEW, [NEW, OLD], [new_secret(), OLD]):
        verify(held, headers, BODY)
    with pytest.raises(Unauthorized):
        verify(new_secret(), headers, BODY)


def test_header_names_ignore_case() -> None:
    headers = signed_headers(NEW, "msg_1", now(), BODY)
    verify(NEW, {name.title(): value for name, value in headers.items()}, BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(now().timestamp()) + 1)},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,a"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1,größer"},
        {"webhook-signature": "v1a," + "A" * 44},
        {"webhook-signature": "v1," + base64.b64encode(b"\0" * 32).decode()},
    ],
)
def test_a_changed_header_is_refused(change: dict[str, str]) -> None:
    headers = signed_headers(NEW, "msg_1", now() - timedelta(seconds=30), BODY)
    verify(NEW, headers, BODY)
    with pytest.raises(Unauthorized) as caught:
        verify(NEW, headers | change, BODY)
    assert caught.value.code == "bad_signature"


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY[:-1], b"\xff\xfe", BODY.upper()])
def test_a_changed_body_is_refused(body: bytes) -> None:
    headers = signed_headers(NEW, "msg_1", now(), BODY)
    with pytest.raises(Unauthorized):
        verify(NEW, headers, body)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_replay_after_five_minutes_is_refused(minutes: int) -> None:
    headers = signed_headers(NEW, "msg_1", now() + timedelta(minutes=minutes), BODY)
    with pytest.raises(Unauthorized):
        verify(NEW, headers, BODY)


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "msg_1"}])
def test_missing_headers_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        verify(NEW, headers, BODY)


@given(st.lists(st.text(max_size=30), max_size=3))
def test_no_signature_header_breaks_the_check(parts: list[str]) -> None:
    headers = signed_headers(NEW, "msg_1", now(), BODY)
    with pytest.raises(Unauthorized):
        verify(NEW, headers | {"webhook-signature": " ".join(parts)}, BODY)


def test_new_secrets_are_good_and_differ() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        check_secret(secret)
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_AAAA",
        "whsec_" + "!" * 44,
        "A" * 44,
        "whsec_" + "A" * 88,
        "whsec_größer",
    ],
)
def test_bad_secrets_are_refused(secret: str) -> None:
    for use in (
        lambda: check_secret(secret),
        lambda: sign([NEW, secret], "msg_1", now(), BODY),
        lambda: verify(secret, {}, BODY),
    ):
        with pytest.raises(ValueError, match="whsec_"):
            use()


@pytest.mark.parametrize(
    ("secrets", "message_id", "moment"),
    [
        ([], "msg_1", now()),
        (NEW, "msg_1.2", now()),
        (NEW, "msg_1", datetime(2026, 1, 1)),
    ],
    ids=["no secret", "a dot in the id", "no time zone"],
)
def test_what_cannot_be_signed_safely_is_refused(
    secrets: list[str] | str, message_id: str, moment: datetime
) -> None:
    with pytest.raises(ValueError):
        sign(secrets, message_id, moment, BODY)


# --- retries ---------------------------------------------------------------------------------


def test_the_waits_are_the_schedule_and_a_tenth_at_most() -> None:
    rng, moment = Random(1), now()
    for attempt, wait in enumerate(RETRY_SCHEDULE):
        times = [next_attempt_at(attempt, moment, rng=rng) for _ in range(200)]
        waits = [time - moment for time in times if time is not None]
        assert len(waits) == 200
        assert wait <= min(waits) <= max(waits) <= wait * (1 + JITTER)
        assert wait == timedelta(0) or len(set(waits)) > 100
    assert sum(RETRY_SCHEDULE, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("attempt", [10, 11, 1_000])
def test_after_ten_attempts_it_is_given_up(attempt: int) -> None:
    assert next_attempt_at(attempt, now(), rng=Random(1)) is None
    assert next_attempt_at(attempt, now(), rng=Random(1), retry_after=5) is None


def test_who_is_told_once_is_tried_daily_until_a_day() -> None:
    rng, moment = Random(1), now()
    until = moment + timedelta(days=2)
    following = next_attempt_at(10, moment, rng=rng, until=until)
    assert following is not None
    assert timedelta(days=1) <= following - moment <= timedelta(days=1) * (1 + JITTER)
    assert next_attempt_at(12, until - timedelta(hours=23), rng=rng, until=until) is None
    second = next_attempt_at(1, moment, rng=rng, until=moment)
    assert second is not None, "the schedule is kept all the same"


def test_a_receiver_can_ask_for_a_longer_wait_but_not_for_ever() -> None:
    rng, moment = Random(1), now()
    assert next_attempt_at(1, moment, rng=rng, retry_after=600) == moment + timedelta(minutes=10)
    assert next_attempt_at(1, moment, rng=rng, retry_after=10**9) == moment + timedelta(hours=24)
    shorter = next_attempt_at(2, moment, rng=rng, retry_after=1)
    assert shorter is not None
    assert shorter >= moment + timedelta(minutes=5)


# --- docs/webhooks.md ------------------------------------------------------------------------


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def python_receivers() -> list[Callable[..., Any]]:
    receivers = []
    for code in code_blocks("python"):
        scope: dict[str, Any] = {}
        exec(code, scope)
        receivers.append(scope["receive"])
    return receivers


def test_the_python_examples_take_what_is_ours_and_nothing_else() -> None:
    receivers = python_receivers()
    assert len(receivers) == 2
    good = signed_headers([NEW, OLD], "msg_1", now(), BODY)
    stale = signed_headers(NEW, "msg_1", now() - timedelta(minutes=6), BODY)
    for receive in receivers:
        assert receive(OLD, good, BODY) == receive(NEW, good, BODY) == json.loads(BODY)
        for headers, body in ((good, BODY + b" "), (stale, BODY)):
            with pytest.raises(Exception, match=r"(?i)old|colabel|signature"):
                receive(NEW, headers, body)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_node_example_takes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    [code] = code_blocks("js")
    script = tmp_path / "receive.js"
    script.write_text(
        code
        + """
for (const [secret, headers, body] of JSON.parse(require("node:fs").readFileSync(0)))
  try { console.log(receive(secret, headers, Buffer.from(body)).type); }
  catch (error) { console.log(error.message); }
""",
        "utf-8",
    )
    good = signed_headers([NEW, OLD], "msg_1", now(), BODY)
    stale = signed_headers(NEW, "msg_1", now() - timedelta(minutes=6), BODY)
    text = BODY.decode()
    cases = [
        (NEW, good, text),
        (OLD, good, text),
        (new_secret(), good, text),
        (NEW, good, text + " "),
        (NEW, good | {"webhook-signature": "v1 x"}, text),
        (NEW, stale, text),
        (NEW, good | {"webhook-timestamp": "soon"}, text),
    ]
    done = subprocess.run(
        ["node", str(script)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    ours, foreign, late = "prediction.completed", "not from colabel", "too old"
    assert done.stdout.split("\n")[:-1] == [ours, ours, foreign, foreign, foreign, late, late]


def test_the_documented_schedule_is_the_real_one() -> None:
    units = {"second": 1, "minute": 60, "hour": 3600}
    rows = re.findall(r"^\| \d+ \| (at once|\d+ \w+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    waits = []
    for row in rows:
        count, _, unit = row.partition(" ")
        seconds = 0 if row == "at once" else int(count) * units[unit.rstrip("s")]
        waits.append(timedelta(seconds=seconds))
    assert tuple(waits) == RETRY_SCHEDULE
