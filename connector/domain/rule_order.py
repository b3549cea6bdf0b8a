"""The order in which a classifier's rules are tried, changed by a step up or down."""

from __future__ import annotations

from typing import Literal

from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import rules
from connector.errors import NotFound

Way = Literal["up", "down"]


def shift(session: Session, classifier: Classifier, rule_id: str, way: Way) -> None:
    """Let a rule change places with the one before or after it; at an end nothing happens.

    Positions that were given twice become different ones on the way. Raises NotFound.
    """
    rows = rules.list_rules(session, classifier)
    ids = [row.rule_id for row in rows]
    if rule_id not in ids:
        raise NotFound(f"There is no rule {rule_id} on this classifier; list them to see which.")
    at = ids.index(rule_id)
    to = at + (-1 if way == "up" else 1)
    if not 0 <= to < len(ids):
        return
    ids[at], ids[to] = ids[to], ids[at]
    positions = {row.rule_id: row.position for row in rows}
    for position, one in enumerate(ids):
        if positions[one] != position:
            rules.update_rule(session, classifier, one, position=position)
