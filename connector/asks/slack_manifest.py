"""The manifest to make a Slack app with: it sets all that we need, when pasted into Slack."""

from __future__ import annotations

PATH = "/slack/interactions"
_MANIFEST = """display_information:
  name: "colabel"
  description: Asks about pictures that the model is unsure of
features:
  bot_user:
    display_name: "colabel"
    always_online: true
oauth_config:
  scopes:
    bot:
      - chat:write
      - chat:write.public
      - files:write
settings:
  interactivity:
    is_enabled: true
{how}
  org_deploy_enabled: false
  socket_mode_enabled: {socket}
  token_rotation_enabled: false
"""


def manifest(public_url: str, *, socket: bool) -> str:
    """Return the YAML: answers come over our own connection, or to our public address."""
    how = f"    request_url: {public_url}{PATH}"
    text = _MANIFEST.format(how=how, socket="true" if socket else "false")
    return text.replace(f"{how}\n", "") if socket else text
