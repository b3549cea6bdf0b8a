"""Webhooks: who is told what, how it went, and sending it again."""

from __future__ import annotations

from connector.web.ui.views.webhook_settings import changing, log, making
from connector.web.ui.views.webhook_settings.pages import webhook_settings

__all__ = ["changing", "log", "making", "webhook_settings"]
