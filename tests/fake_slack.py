"""A server that speaks Slack's wire format: incoming webhooks, posting, and uploads in three steps.

It holds what it is sent against the limits that Slack documents, and answers as Slack does:
errors of the Web API with 200 and "ok": false, those of a webhook with a status and a bare word.
It also is the one who clicks: `click` and `choose` give what Slack would send us for that.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

from slack_rules import buttons, wrong_message, wrong_view
from slack_sdk.signature import SignatureVerifier

TOKEN = "xoxb-0-of-the-tests"
APP_TOKEN = "xapp-0-of-the-tests"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
WEBHOOK = "/services/T0/B0/of-the-tests"


@dataclass
class Channel:
    """A channel, and whether the bot is in it."""

    id: str
    member: bool = True
    archived: bool = False


@dataclass
class Upload:
    """A file on its way in: its announced length, what came, where it was shared."""

    name: str
    length: int
    alt: str
    data: bytes = b""
    shared: tuple[str, str] | None = None
    # Completed: Slack knows it as a file.
    whole: bool = False


@dataclass
class Answer:
    """What to say instead, once."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Slack(ThreadingHTTPServer):
    """What was posted, by channel id ("webhook" for the incoming webhook's), and uploaded."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.channels = {"alerts": Channel("C0ALERTS")}
        self.scopes = {"chat:write", "files:write"}
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.uploads: dict[str, Upload] = {}
        # What stands in each message now, by channel id and timestamp; changes in their order.
        self.messages: dict[tuple[str, str], dict[str, Any]] = {}
        self.updates: list[tuple[str, str, dict[str, Any]]] = []
        self.views: list[tuple[str, dict[str, Any]]] = []
        self.responses: list[tuple[str, dict[str, Any]]] = []
        self.revoked = False
        # Where our sockets are, for socket mode.
        self.socket_url: str | None = None
        # What to say to the next calls instead; None lets one pass.
        self.instead: list[Answer | None] = []
        self._clicks = itertools.count(1)
        self.authorizations: list[tuple[str, str | None]] = []

    @property
    def webhook(self) -> str:
        """The URL of the incoming webhook."""
        return f"{self.url}{WEBHOOK}"

    def click(
        self, ts: str, text: str, user: str = "bob", channel: str | None = None
    ) -> dict[str, Any]:
        """Return the interaction of somebody who clicks the button that says `text`."""
        where = channel or next(iter(self.channels.values())).id
        [button] = [one for one in buttons(self.messages[where, ts]) if one["text"]["text"] == text]
        number = next(self._clicks)
        return {
            "type": "block_actions",
            "team": {"id": "T0", "domain": "tests"},
            "user": {"id": f"U{user.upper()}", "username": user, "name": user, "team_id": "T0"},
            "api_app_id": "A0",
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": where},
            "trigger_id": f"{number}.0.of-the-tests",
            "channel": {"id": where, "name": "sorting"},
            "message": {"ts": ts, **self.messages[where, ts]},
            "response_url": f"{self.url}/respond/{number}",
            "actions": [{**button, "block_id": "x", "action_ts": f"{time.time():.6f}"}],
        }

    def choose(self, view: dict[str, Any], text: str, user: str = "bob") -> dict[str, Any]:
        """Return the interaction of somebody who chooses in a window and sends it."""
        [block] = [one for one in view["blocks"] if one["type"] == "input"]
        element = block["element"]
        groups = element.get("option_groups") or [{"options": element["options"]}]
        [option] = [
            one for group in groups for one in group["options"] if one["text"]["text"] == text
        ]
        picked = {element["action_id"]: {"type": "static_select", "selected_option": option}}
        return {
            "type": "view_submission",
            "team": {"id": "T0", "domain": "tests"},
            "user": {"id": f"U{user.upper()}", "username": user, "name": user, "team_id": "T0"},
            "trigger_id": f"{next(self._clicks)}.0.of-the-tests",
            "view": {**view, "state": {"values": {block["block_id"]: picked}}},
            "response_urls": [],
        }

    def find(self, named: str) -> Channel | None:
        """Return a channel by its id or its name, with or without #."""
        for name, channel in self.channels.items():
            if named in (channel.id, name, f"#{name}"):
                return channel
        return None


class Handler(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.authorizations.append((self.path, self.headers["Authorization"]))
        answer = self.server.instead.pop(0) if self.server.instead else None
        if answer is not None:
            self.say(answer.status, answer.body, answer.headers)
        elif self.path == WEBHOOK:
            self.webhook(body)
        elif self.path.startswith("/services/"):
            self.say(404, b"no_service")
        elif self.path.startswith("/respond/"):
            self.server.responses.append((self.path, json.loads(body)))
            self.say(200, b"ok")
        elif self.path.startswith("/upload/"):
            self.take(body)
        else:
            self.method(self.path.removeprefix("/api/"), body)

    def webhook(self, body: bytes) -> None:
        message = json.loads(body)
        wrong = check(message)
        if wrong is not None:
            self.say(400, wrong.encode())
            return
        self.server.posted.append(("webhook", message))
        self.say(200, b"ok", {"Content-Type": "text/html"})

    def take(self, body: bytes) -> None:
        upload = self.server.uploads[self.path.rpartition("/")[2]]
        if len(body) != upload.length:
            self.say(400, b"wrong length")
            return
        upload.data = body
        self.say(200, f"OK - {len(body)}".encode())

    def method(self, name: str, body: bytes) -> None:
        wanted = APP_TOKEN if name == "apps.connections.open" else TOKEN
        if self.headers["Authorization"] != f"Bearer {wanted}":
            self.answer({"ok": False, "error": "invalid_auth"})
            return
        if self.server.revoked:
            self.answer({"ok": False, "error": "token_revoked"})
            return
        methods = {
            "auth.test": self.auth_test,
            "apps.connections.open": self.open_socket,
            "chat.update": self.update_message,
            "views.open": self.open_view,
            "chat.postMessage": self.post_message,
            "files.getUploadURLExternal": self.get_upload_url,
            "files.completeUploadExternal": self.complete_upload,
        }
        if name not in methods:
            self.answer({"ok": False, "error": "unknown_method"})
            return
        kind = self.headers["Content-Type"].partition(";")[0]
        if kind == "application/json":
            # This one takes forms only.
            arguments = json.loads(body) if name != "files.getUploadURLExternal" else {}
        else:
            arguments = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        self.answer(methods[name](arguments))

    def auth_test(self, arguments: dict[str, Any]) -> dict[str, Any]:
        team = {"team": "The Paper Mill", "team_id": "T0", "url": "https://mill.slack.com/"}
        return {"ok": True, "user": "colabel", "user_id": "U0", **team}

    def post_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self.server.find(arguments.get("channel", ""))
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        if channel.archived:
            return {"ok": False, "error": "is_archived"}
        if not channel.member and "chat:write.public" not in self.server.scopes:
            return {"ok": False, "error": "not_in_channel"}
        wrong = wrong_message(arguments, self.is_picture)
        if wrong is not None:
            return {"ok": False, "error": wrong}
        self.server.posted.append((channel.id, arguments))
        ts = f"1700000000.{len(self.server.posted):06}"
        self.server.messages[channel.id, ts] = arguments
        return {"ok": True, "channel": channel.id, "ts": ts, "message": arguments}

    def is_picture(self, number: str) -> bool:
        upload = self.server.uploads.get(number)
        return upload is not None and upload.whole and upload.data[:2] == b"\xff\xd8"

    def update_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        where = arguments.pop("channel"), arguments.pop("ts")
        if where[0] not in {channel.id for channel in self.server.channels.values()}:
            return {"ok": False, "error": "channel_not_found"}
        if where not in self.server.messages:
            return {"ok": False, "error": "message_not_found"}
        wrong = wrong_message(arguments, self.is_picture)
        if wrong is not None:
            return {"ok": False, "error": wrong}
        self.server.messages[where] = arguments
        self.server.updates.append((*where, arguments))
        return {"ok": True, "channel": where[0], "ts": where[1], "text": arguments["text"]}

    def open_view(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if not arguments["trigger_id"].endswith("of-the-tests"):
            return {"ok": False, "error": "expired_trigger_id"}
        wrong = wrong_view(arguments["view"], self.is_picture)
        if wrong is not None:
            return {"ok": False, "error": wrong}
        self.server.views.append((arguments["trigger_id"], arguments["view"]))
        return {"ok": True, "view": {"id": "V1", **arguments["view"]}}

    def open_socket(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.server.socket_url is None:
            return {"ok": False, "error": "internal_error"}
        return {"ok": True, "url": self.server.socket_url}

    def get_upload_url(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if "files:write" not in self.server.scopes:
            return {
                "ok": False,
                "error": "missing_scope",
                "needed": "files:write",
                "provided": ",".join(sorted(self.server.scopes)),
            }
        if not {"filename", "length"} <= set(arguments):
            return {"ok": False, "error": "invalid_arguments"}
        number = f"F{len(self.server.uploads):08}"
        length, alt = int(arguments["length"]), arguments.get("alt_txt", "")
        self.server.uploads[number] = Upload(arguments["filename"], length, alt)
        return {
            "ok": True,
            "upload_url": f"{self.server.url}/upload/v1/{number}",
            "file_id": number,
        }

    def complete_upload(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if "channel_id" not in arguments:
            for file in arguments["files"]:
                self.server.uploads[file["id"]].whole = True
            return {"ok": True, "files": arguments["files"]}
        # Unlike posting, this takes ids only, and asks for membership whatever the scopes.
        known = {channel.id: channel for channel in self.server.channels.values()}
        channel = known.get(arguments.get("channel_id", ""))
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        if not channel.member:
            return {"ok": False, "error": "not_in_channel"}
        for file in arguments["files"]:
            upload = self.server.uploads.get(file["id"])
            if upload is None or not upload.data or upload.shared is not None:
                return {"ok": False, "error": "file_not_found"}
            upload.shared = (channel.id, arguments.get("thread_ts", ""))
        return {"ok": True, "files": arguments["files"]}

    def answer(self, answer: dict[str, Any]) -> None:
        self.say(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


def signed(
    payload: dict[str, Any], secret: str = SECRET, at: float | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the request that Slack makes, signed by its own SDK."""
    body = urlencode({"payload": json.dumps(payload)})
    timestamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    assert signature is not None
    return body.encode(), {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
    }


def check(message: dict[str, Any]) -> str | None:
    """Return the error that Slack gives for a message of this form, or None."""
    return wrong_message(message)


@contextmanager
def fake_slack() -> Iterator[Slack]:
    """Give a server that runs until the end of the block."""
    with Slack() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
