"""A classifier's own settings: its name, its labels, how long its pictures stay, and its end."""

from __future__ import annotations

from connector.web.ui.views.classifier_settings import ending, general, labels
from connector.web.ui.views.classifier_settings.pages import classifier_settings

__all__ = ["classifier_settings", "ending", "general", "labels"]
