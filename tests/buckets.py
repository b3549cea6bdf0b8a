"""A server that speaks S3, a fresh bucket in it for a test, and a store of either kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from connector.ids import new_token
from connector.settings import Bucket
from connector.storage import Blobs

# It says where it listens, and ends when its input does: with us, whatever becomes of us.
PROGRAM = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a secret of the tests"}


class S3Server:
    """The running server, and the client with which tests look behind the store's back."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", PROGRAM]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.client: Any = boto3.session.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        ).client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            config=Config(retries={"mode": "standard"}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which boto3 finds the server."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": self.url, "AWS_DEFAULT_REGION": "us-east-1"}

    def bucket(self, prefix: str = "colabel/") -> S3Bucket:
        """Make a bucket of a name that was never used."""
        name = f"test-{new_token(16).lower().replace('_', '-')}x"
        self.client.create_bucket(Bucket=name)
        return S3Bucket(self, Bucket(name, prefix))

    def ask_for_permission(self, on: bool) -> None:
        """Check from now on whether a caller is known and allowed what it asks for, or stop it."""
        answer = requests.post(
            f"{self.url}/moto-api/reset-auth", data=b"0" if on else b"Infinity", timeout=10
        )
        answer.raise_for_status()

    def close(self) -> None:
        """End the server."""
        self.client.close()
        self._process.communicate(timeout=20)


@dataclass(frozen=True)
class S3Bucket:
    """A bucket of one test."""

    server: S3Server
    name: Bucket

    def listed(self) -> list[str]:
        """List the keys of all objects."""
        found = self.server.client.list_objects_v2(Bucket=self.name.name).get("Contents", [])
        return [one["Key"] for one in found]

    def unfinished(self) -> list[str]:
        """List the keys of uploads in parts that have neither been completed nor given up."""
        found = self.server.client.list_multipart_uploads(Bucket=self.name.name)
        return [one["Key"] for one in found.get("Uploads", [])]

    def write(self, key: str, data: bytes) -> None:
        """Put an object behind the store's back."""
        self.server.client.put_object(Bucket=self.name.name, Key=key, Body=data)


@dataclass(frozen=True)
class Store:
    """A store; `again` opens it once more, `names` lists what it holds and what is left lying."""

    blobs: Blobs
    again: Callable[[], Blobs]
    names: Callable[[], list[str]]


def files(root: Path) -> list[Path]:
    """List everything under a folder that is no folder."""
    return [path for path in root.rglob("*") if path.is_file()]
