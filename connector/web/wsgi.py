"""The application object that gunicorn serves."""

from __future__ import annotations

from connector.web.app import create_app

app = create_app()
