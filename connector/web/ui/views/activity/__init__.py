"""What happened: the latest pictures, one picture's journey, and taking back what was done."""

from __future__ import annotations

from connector.web.ui.views.activity import changing as changing
from connector.web.ui.views.activity.bulk import bulk_undo as bulk_undo
from connector.web.ui.views.activity.everywhere import activity as activity
from connector.web.ui.views.activity.journeys import journey as journey
from connector.web.ui.views.activity.of_classifier import (
    classifier_activity as classifier_activity,
)
