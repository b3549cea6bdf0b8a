"""The tab Pictures: leafing through them, labelling, groups of look-alikes, and adding more."""

from __future__ import annotations

from connector.web.ui.views.pictures import adding, files, gallery, groups, sorting
from connector.web.ui.views.pictures.pages import pictures

__all__ = ["adding", "files", "gallery", "groups", "pictures", "sorting"]
