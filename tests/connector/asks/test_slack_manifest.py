"""The manifests in docs/slack.md are those that the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from connector.asks.slack_manifest import manifest

TEXT = (Path(__file__).parents[3] / "docs" / "slack.md").read_text()
URL = "https://colabel.example.com"


@pytest.mark.parametrize("socket", [True, False], ids=["socket", "http"])
def test_the_documented_manifest_is_the_one_of_the_page(socket: bool) -> None:
    text = manifest(URL, socket=socket)
    assert text in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    app = yaml.safe_load(text)
    assert app["oauth_config"]["scopes"]["bot"] == [
        "chat:write",
        "chat:write.public",
        "files:write",
    ]
    settings = app["settings"]
    assert settings["socket_mode_enabled"] is socket
    assert settings["interactivity"]["is_enabled"] is True
    address = settings["interactivity"].get("request_url")
    assert address == (None if socket else f"{URL}/slack/interactions")
