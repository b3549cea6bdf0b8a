"""What to paste where so that pictures come in: code and set-ups with the real address in them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from connector.web.ui.assets import FOLDER

N8N = "n8n-send-pictures.json"
N8N_ADDRESS = "https://colabel.example.com/hooks/YOUR-TOKEN"


@dataclass(frozen=True)
class Block:
    """Something to copy: the key of what is said of it, its text, and a file's name if it is one.

    `long` ones are kept low, and scroll.
    """

    about: str
    text: str
    name: str = ""
    long: bool = False


def curl(url: str) -> list[Block]:
    """Return commands that hand in a file, a URL, and wait for the answer."""
    quoted = shlex.quote(url)
    waiting = shlex.quote(f"{url}?wait=20")
    body = shlex.quote(json.dumps({"image_url": "https://example.com/photo.jpg"}))
    return [
        Block("connect.curl_file", f"curl -F image=@photo.jpg {quoted}"),
        Block("connect.curl_wait", f"curl -F image=@photo.jpg {waiting}"),
        Block(
            "connect.curl_once", f"curl -F image=@photo.jpg -H 'Idempotency-Key: order-7' {quoted}"
        ),
        Block("connect.curl_url", f"curl -H 'Content-Type: application/json' -d {body} {quoted}"),
    ]


def python(url: str) -> list[Block]:
    """Return a program of a few lines."""
    text = f"""import requests

HOOK = {url!r}

with open("photo.jpg", "rb") as picture:
    answer = requests.post(
        HOOK,
        params={{"wait": 20}},
        files={{"image": picture}},
        headers={{"Idempotency-Key": "order-7"}},
        timeout=60,
    )
answer.raise_for_status()
prediction = answer.json()
print(prediction["status"], prediction["label"], prediction["confidence"])
"""
    return [Block("connect.python_code", text)]


@cache
def _n8n() -> str:
    return (FOLDER / N8N).read_text("utf-8")


def n8n(url: str) -> list[Block]:
    """Return a workflow to paste into n8n."""
    text = _n8n().replace(json.dumps(N8N_ADDRESS), json.dumps(url))
    return [Block("connect.n8n_workflow", text.rstrip(), N8N, long=True)]


def address(url: str) -> list[Block]:
    """Return the address alone."""
    return [Block("connect.address", url)]


def make(url: str) -> list[Block]:
    """Return what Make's module "HTTP › Make a request" asks for."""
    return [Block("connect.make_url", url), Block("connect.make_key", "Idempotency-Key")]


def folder(path: str) -> list[Block]:
    """Return commands that put pictures into a watched folder so that none is taken half written.

    The name that a file has at last comes only when it is whole.
    """
    place = shlex.quote(path)
    once = f"cp photo.jpg {place}/photo.jpg.part && mv {place}/photo.jpg.part {place}/photo.jpg"
    return [
        Block("connect.folder_path", path),
        Block("connect.folder_copy", once),
        Block("connect.folder_rsync", f"rsync --archive ./scans/ {place}/"),
    ]


def road(about: str, given: Mapping[str, Any]) -> list[Block]:
    """Return the files and commands of one road by which a store reports (see s3_setup)."""
    files = [
        Block("connect.file", json.dumps(value, indent=2), name, long=True)
        for name, value in given["files"].items()
    ]
    return [*files, Block(about, "\n\n".join(given["commands"]))]


def policy(value: Mapping[str, Any]) -> list[Block]:
    """Return the policy for whoever colabel is at the store."""
    return [Block("connect.iam", json.dumps(value, indent=2), "iam-policy.json", long=True)]
