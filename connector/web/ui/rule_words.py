"""Rules as people say them: when … is …, then …."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from connector.web.ui.rendering import percent
from connector.web.ui.words import rich, t

# More labels or sources than these are counted and not named.
NAMED = 6


def when(conditions: Mapping[str, Any], sources: Mapping[str, str]) -> Markup:
    """Return e.g. "When the answer is **left**, …"; `sources` are names by id."""
    labels = conditions.get("labels")
    parts = [
        rich("rules.when_any")
        if labels is None
        else rich("rules.when_labels", labels=one_of(labels))
    ]
    if "min_confidence" in conditions:
        parts.append(rich("rules.when_min", share=percent(conditions["min_confidence"])))
    if "max_confidence" in conditions:
        parts.append(rich("rules.when_max", share=percent(conditions["max_confidence"])))
    if "decided_by" in conditions:
        parts.append(rich(f"rules.when_by_{conditions['decided_by']}"))
    for name, wanted in conditions.get("metadata", {}).items():
        values = wanted if isinstance(wanted, list) else [wanted]
        said = one_of([one if isinstance(one, str) else json.dumps(one) for one in values])
        parts.append(rich("rules.when_meta", name=name, values=said))
    if "sources" in conditions:
        named = [sources.get(one, t("rules.source_gone")) for one in conditions["sources"]]
        parts.append(rich("rules.when_sources", sources=one_of(named)))
    return Markup(", ").join(parts)


def one_of(values: Sequence[str]) -> Markup:
    """Return "**a**, **b** or **c**"."""
    bold = [Markup("<strong>{}</strong>").format(one) for one in values[:NAMED]]
    if len(values) > NAMED:
        bold.append(escape(t("rules.more", count=len(values) - NAMED)))
    if len(bold) == 1:
        return bold[0]
    return Markup("{} {} {}").format(Markup(", ").join(bold[:-1]), t("rules.or"), bold[-1])
