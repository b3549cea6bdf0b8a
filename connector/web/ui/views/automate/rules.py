"""One rule: its versions, switched on and off, moved, tried and deleted."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request
from flask.typing import ResponseReturnValue

from connector.alerts.trial import Trial, try_out
from connector.domain import conditions, foreseeing, rule_order, source_names
from connector.domain import rules as domain
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, rule_words, visitors
from connector.web.ui.rendering import go, page
from connector.web.ui.views.automate.pages import RULE, automate
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

# As many versions are shown; who changed a rule so often looks into the API.
VERSIONS = 30


@automate.page(RULE, title="rules.one")
def rule(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """What it says now, and what it said before."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        versions = domain.list_versions(session, classifier, rule_id)
        names = foreseeing.classifier_names(session, visitors.workspace_id())
        sources = source_names.names(session, classifier)
    told = [
        (
            row,
            rule_words.when(conditions.of_rule(row), sources),
            foreseeing.told(row.actions, names),
        )
        for row in versions[:VERSIONS]
    ]
    row, when, does = told[0]
    return page(
        "automate/rule.html",
        classifier=classifier,
        rule=row,
        when=when,
        does=does,
        versions=told,
        alerts=any(one["kind"] == "alert" for one in row.actions),
    )


@automate.action(f"{RULE}/switch")
def switch(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Let it hold from now on, or not."""
    enabled = request.form.get("enabled") == "yes"
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        if domain.get_rule(session, classifier, rule_id).enabled != enabled:
            domain.update_rule(session, classifier, rule_id, enabled=enabled)
    flashes.flash("rules.on_now" if enabled else "rules.off_now")
    return go("automate.show", classifier_id=classifier_id)


@automate.action(f"{RULE}/shift")
def shift(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Try it before the one above it, or after the one below."""
    way: rule_order.Way = "up" if request.form.get("way") == "up" else "down"
    with services().database.write() as session:
        rule_order.shift(session, own_classifier(session, classifier_id), rule_id, way)
    return go("automate.show", classifier_id=classifier_id, _anchor=f"rule-{rule_id}")


@automate.action(f"{RULE}/delete")
def delete(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Take it out of force; what it did stays, and can still be undone."""
    with services().database.write() as session:
        domain.delete_rule(session, own_classifier(session, classifier_id), rule_id)
    flashes.flash("rules.deleted")
    return go("automate.show", classifier_id=classifier_id)


@automate.action(f"{RULE}/back")
def put_back(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Make what an earlier version said the rule again, as a new version."""
    wanted = request.form.get("version", "")
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        versions = domain.list_versions(session, classifier, rule_id)
    kept = next((row for row in versions if str(row.version) == wanted), versions[0])
    try:
        actions = domain.check_actions(services().settings, kept.actions)
        when = conditions.When.model_validate(conditions.of_rule(kept))
        with services().database.write() as session:
            classifier = own_classifier(session, classifier_id)
            domain.update_rule(session, classifier, rule_id, when=when, actions=actions)
    except ColabelError as error:
        flashes.say(error.detail, "bad")
    else:
        flashes.flash("rules.put_back", number=kept.version)
    return go("automate.rule", classifier_id=classifier_id, rule_id=rule_id)


@automate.action(f"{RULE}/test-alert")
def test_alert(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Send a message that says it is a test by each alert of the rule, now and once."""
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_rule(session, classifier, rule_id)
    say_tried(try_out(here.settings, classifier.name, row.label, row.actions))
    return go("automate.rule", classifier_id=classifier_id, rule_id=rule_id)


def say_tried(tried: Sequence[Trial]) -> None:
    """Have the page say how each test went."""
    for one in tried:
        channel = t(f"actions.alert.channel_{one.channel}")
        if one.error is not None:
            flashes.flash("rules.test_failed", "bad", channel=channel, reason=one.error.detail)
        elif one.answer.get("note"):
            flashes.flash("rules.test_event", "note")
        else:
            flashes.flash("rules.test_sent", channel=channel)
