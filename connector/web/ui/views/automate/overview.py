"""The tab itself: pictures come from …, then …."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import conditions, foreseeing, rules, ways_in
from connector.web.services import services
from connector.web.ui import rule_words, visitors
from connector.web.ui.rendering import page
from connector.web.ui.views.automate.pages import TAB, automate
from connector.web.ui.views.classifier import own_classifier

# What each recipe's first rule usually does.
FIRST_ACTION = {"orientation": "rotate", "yes_no": "alert"}


@automate.page(TAB, title="tabs.automate")
def show(classifier_id: str) -> ResponseReturnValue:
    """All sources, and all rules in the order in which they are tried."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        ways = ways_in.of_classifier(session, classifier)
        rows = rules.list_rules(session, classifier)
        names = foreseeing.classifier_names(session, visitors.workspace_id())
    sources = {way.row.id: way.name for way in ways}
    listed = [
        (
            row,
            rule_words.when(conditions.of_rule(row), sources),
            foreseeing.told(row.actions, names),
        )
        for row in rows
    ]
    return page(
        "automate/show.html",
        classifier=classifier,
        ways=ways,
        rules=listed,
        first=FIRST_ACTION.get(classifier.recipe, "move"),
    )
