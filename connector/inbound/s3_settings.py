"""What a source of the kind "s3" is told: which objects it takes, and who may report them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from connector.errors import Unprocessable
from connector.inbound.s3_events import NewObject, PassedOver

MIN_KEY = 16
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_TOPIC = re.compile(r"arn:aws(?:-[a-z]+)*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{1,40}")
_QUEUE = re.compile(r"/(?P<account>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9_.-]{1,80})")
_AWS_QUEUE_HOST = re.compile(
    r"sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)


class S3Settings(BaseModel):
    """The settings of a source as they are kept. `key_sha256` is of the key that senders show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buckets: tuple[str, ...] = Field(min_length=1, max_length=20)
    prefix: str = Field("", max_length=500)
    suffixes: tuple[str, ...] = Field((), max_length=20)
    topics: tuple[str, ...] = Field((), max_length=20)
    key_sha256: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    queue_url: str | None = None

    @field_validator("buckets", "topics", "region")
    @classmethod
    def _well_formed(cls, value: Any, info: Any) -> Any:
        pattern = {"buckets": _BUCKET, "topics": _TOPIC, "region": _REGION}[info.field_name]
        example = {
            "buckets": "scans-2026",
            "topics": "arn:aws:sns:eu-central-1:111122223333:scans",
            "region": "eu-central-1",
        }[info.field_name]
        for one in [value] if isinstance(value, str) else value or ():
            if not pattern.fullmatch(one):
                raise ValueError(f"{one!r} is not of the form {example}")
        return value

    @field_validator("prefix")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("use printable characters")
        return value

    @field_validator("suffixes")
    @classmethod
    def _endings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not 1 <= len(one) <= 50 or not one.isprintable():
                raise ValueError(f"{one!r} is no ending such as .jpg")
        return value

    @field_validator("endpoint_url")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = _url(value)
        if parts.query or parts.fragment or parts.path not in ("", "/"):
            raise ValueError("it is https://host or https://host:port, without a path")
        return value.rstrip("/")

    @field_validator("queue_url")
    @classmethod
    def _queue(cls, value: str | None) -> str | None:
        if value is not None and not _QUEUE.fullmatch(_url(value).path):
            raise ValueError("it is https://sqs.eu-central-1.amazonaws.com/111122223333/name")
        return value

    @property
    def queue_name(self) -> str:
        """The queue's name, empty where there is none."""
        return urlsplit(self.queue_url or "").path.rpartition("/")[2]

    @property
    def queue_account(self) -> str:
        """The account that the queue belongs to, empty where there is none."""
        return urlsplit(self.queue_url or "").path.strip("/").partition("/")[0]

    @property
    def queue_region(self) -> str | None:
        """The region that the queue's address names; None for one that is not Amazon's."""
        found = _AWS_QUEUE_HOST.fullmatch(urlsplit(self.queue_url or "").hostname or "")
        return found["region"] if found else None

    def why_not(self, one: NewObject) -> PassedOver | None:
        """Say why an object is not taken, as far as its name tells; None when it is."""
        shown = f"“{one.key[:200]}” in {one.bucket[:100]}"
        if one.bucket not in self.buckets:
            return PassedOver("other_bucket", f"{shown}: the source takes from other buckets.")
        if not one.wanted(self.prefix, self.suffixes):
            return PassedOver(
                "other_name", f"{shown} does not begin or end as the source's filters say."
            )
        return None

    def is_key(self, shown: str) -> bool:
        """Say whether this is the key, in a time that tells nothing about it."""
        return self.key_sha256 is not None and hmac.compare_digest(digest(shown), self.key_sha256)


def of(settings: Mapping[str, Any]) -> S3Settings:
    """Return settings as they were kept."""
    return S3Settings.model_validate(settings)


def check(settings: Mapping[str, Any], before: Mapping[str, Any]) -> S3Settings:
    """Return settings as they are to be kept. Raises Unprocessable (bad_source_settings).

    `key` is kept as its hash: null takes it away, and where it is absent that of the settings
    `before` stays.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    given.pop("key_sha256", None)
    key = given.pop("key", None)
    if key is not None:
        given["key_sha256"] = digest(_checked_key(key))
    elif "key" not in settings and before.get("key_sha256"):
        given["key_sha256"] = before["key_sha256"]
    try:
        return S3Settings.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        reason = str(problem["msg"]).removeprefix("Value error, ")
        raise Unprocessable(
            f"{problem['loc'][0]}: {reason[:1].lower()}{reason[1:]}.", code="bad_source_settings"
        ) from error


def kept(settings: S3Settings) -> dict[str, Any]:
    """Return settings as JSON values for the database; what was not given is absent."""
    return settings.model_dump(mode="json", exclude_defaults=True)


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return kept settings as they are shown: whether there is a key, but nothing about it."""
    rest = {name: value for name, value in settings.items() if name != "key_sha256"}
    return {**rest, "has_key": "key_sha256" in settings}


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checked_key(key: Any) -> str:
    if not isinstance(key, str) or not MIN_KEY <= len(key) <= 500 or not _is_token(key):
        raise Unprocessable(
            f"key: it has {MIN_KEY} to 500 printable characters without spaces.",
            code="bad_source_settings",
        )
    return key


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _url(value: str) -> Any:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or not _is_token(value):
        raise ValueError("it is no http or https address")
    return parts
