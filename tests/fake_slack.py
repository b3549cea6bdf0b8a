"""A server that speaks Slack's wire format: incoming webhooks, posting, and uploads in three steps.

It holds what it is sent against the limits that Slack documents, and answers as Slack does:
errors of the Web API with 200 and "ok": false, those of a webhook with a status and a bare word.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "xoxb-0-of-the-tests"
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
        self.instead: list[Answer] = []
        self.authorizations: list[tuple[str, str | None]] = []

    @property
    def webhook(self) -> str:
        """The URL of the incoming webhook."""
        return f"{self.url}{WEBHOOK}"

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
        if self.server.instead:
            answer = self.server.instead.pop(0)
            self.say(answer.status, answer.body, answer.headers)
        elif self.path == WEBHOOK:
            self.webhook(body)
        elif self.path.startswith("/services/"):
            self.say(404, b"no_service")
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
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer({"ok": False, "error": "invalid_auth"})
            return
        methods = {
            "auth.test": self.auth_test,
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
        wrong = check(arguments)
        if wrong is not None:
            return {"ok": False, "error": wrong}
        self.server.posted.append((channel.id, arguments))
        ts = f"1700000000.{len(self.server.posted):06}"
        return {"ok": True, "channel": channel.id, "ts": ts, "message": arguments}

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


def check(message: dict[str, Any]) -> str | None:
    """Return the error that Slack gives for a message of this form, or None."""
    blocks = message.get("blocks", [])
    if not blocks and not message.get("text"):
        return "no_text"
    if len(message.get("text", "")) > 40_000:
        return "msg_too_long"
    if len(blocks) > 50 or not all(_block(block) for block in blocks):
        return "invalid_blocks"
    return None


def _block(block: dict[str, Any]) -> bool:
    if block["type"] == "header":
        text = block["text"]
        return text["type"] == "plain_text" and 1 <= len(text["text"]) <= 150
    if block["type"] == "section":
        return _text(block["text"])
    if block["type"] == "context":
        return 1 <= len(block["elements"]) <= 10 and all(_text(one) for one in block["elements"])
    return False


def _text(text: dict[str, Any]) -> bool:
    fields = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
    return set(text) <= fields[text["type"]] and 1 <= len(text["text"]) <= 3000


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
