"""Messages to Slack: whatever labels and names say, Slack takes them and nobody is called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from slack_asks import text_of
from slack_rules import buttons, wrong_message, wrong_view
from telling import EVIL

from connector.asks import slack_messages
from connector.asks.slack_messages import Choice, Outcome, Question

names = st.text(min_size=1, max_size=100).filter(lambda text: bool(text.strip()))
PICTURES: list[Any] = [None, {"image_url": "https://x.example/a.jpg"}, {"slack_file": {"id": "F1"}}]


def is_picture(number: str) -> bool:
    return number == "F1"


def asked(**changes: Any) -> Question:
    values: dict[str, Any] = {
        "review_id": "rev_1",
        "classifier": EVIL,
        "name": EVIL,
        "reason": f"The model says “{EVIL}” with 41% confidence.",
        "choices": [Choice("lbl_1", EVIL), Choice("lbl_2", "letter")],
        "url": "https://colabel.example/review/rev_1",
    }
    return Question(**{**values, **changes})


@pytest.mark.parametrize(
    "outcome", [None, Outcome(EVIL, EVIL), Outcome(None, "Bob"), Outcome("a", None)]
)
def test_nobody_is_called_and_only_our_link_leads_anywhere(outcome: Outcome | None) -> None:
    question = asked()
    message = (
        slack_messages.question(question)
        if outcome is None
        else slack_messages.answered(question, outcome)
    )
    assert wrong_message(message) is None
    parsed = [message["text"]]
    for block in message["blocks"]:
        texts = [block["text"]] if block["type"] == "section" else block.get("elements", [])
        parsed += [one["text"] for one in texts if one["type"] == "mrkdwn"]
        assert all(one["verbatim"] for one in texts if one["type"] == "mrkdwn")
    calls = [part.partition(">")[0] for text in parsed for part in text.split("<")[1:]]
    assert calls
    assert all(one.startswith("https://colabel.example/") for one in calls)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(names, min_size=1, max_size=12, unique=True),
    texts=st.tuples(names, st.text(max_size=300), st.text(max_size=2000)),
    picture=st.sampled_from(PICTURES),
)
def test_slack_takes_whatever_they_are_called(
    labels: list[str], texts: tuple[str, str, str], picture: Any
) -> None:
    choices = [Choice(f"lbl_{n}", name) for n, name in enumerate(labels)]
    classifier, name, reason = texts
    question = asked(
        classifier=classifier, name=name, reason=reason, choices=choices, picture=picture
    )
    message = slack_messages.question(question)
    assert wrong_message(message, is_picture) is None
    assert len(list(buttons(message))) == min(5, len(labels)) + 1 + (len(labels) > 5)
    answered = slack_messages.answered(question, Outcome(labels[0], name or None))
    assert wrong_message(answered, is_picture) is None
    assert wrong_view(slack_messages.window("rev_1", choices, picture), is_picture) is None
    for line in (
        slack_messages.waiting(classifier, 37, 1000, "https://x.example"),
        slack_messages.waiting(classifier, 0, 1000, "https://x.example"),
        slack_messages.reminder(classifier, 1000, 1000, 4.0, "https://x.example"),
        slack_messages.trial(classifier, "https://x.example"),
    ):
        assert wrong_message(line) is None


@pytest.mark.parametrize("count", [1, 100, 101, 1000])
def test_a_window_has_all_the_labels(count: int) -> None:
    choices = [Choice(f"lbl_{n:026}", "x" * 96 + f"{n:04}") for n in range(count)]
    view = slack_messages.window("rev_1", choices, None)
    assert wrong_view(view) is None
    element = view["blocks"][0]["element"]
    groups = element.get("option_groups") or [{"options": element["options"]}]
    assert [one["value"] for group in groups for one in group["options"]] == [c.id for c in choices]


def test_how_many_wait_is_said_in_words() -> None:
    said = [text_of(slack_messages.waiting("mail", n, 1000, "u")) for n in (1, 37, 1000)]
    assert "1 more question waits" in said[0]
    assert "37 more questions wait" in said[1]
    assert "at least 1,000 more questions wait" in said[2]
