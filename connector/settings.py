"""Settings from the environment; a bad value stops the start with a sentence that names it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connector.errors import ConfigurationError

DEFAULT_PORT = 8484
_S3 = re.compile(r"s3://(?P<name>[A-Za-z0-9._-]{3,255})(?:/(?P<prefix>[\w!./*'()-]*))?")
_RULE_BUCKET = re.compile(r"(?:s3://)?(?P<name>[A-Za-z0-9._-]{3,255})(?:/(?P<prefix>[^\s{}\\]*))?")


class Bucket(NamedTuple):
    """A bucket, and the prefix of our keys in it: empty, or ending with a slash."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


def _name(variable: str, field: str) -> AliasChoices:
    return AliasChoices(variable, field)


class Settings(BaseSettings):
    """Everything that can be configured. See docs/configuration.md for the meaning of each."""

    model_config = SettingsConfigDict(env_prefix="COLABEL_", extra="ignore", frozen=True)

    data_dir: Path = Path("colabel-data")
    database_url: str = Field("", validation_alias=_name("DATABASE_URL", "database_url"))
    redis_url: str = Field("", validation_alias=_name("REDIS_URL", "redis_url"))
    storage: str = ""
    secret_key: str = ""
    public_url: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    proxies: int = Field(0, ge=0, le=10)
    backbone: str | None = None
    weights: Path | None = None
    max_upload_bytes: int = Field(50_000_000, ge=1_000)
    max_pixels: int = Field(100_000_000, ge=10_000)
    decode_seconds: float = Field(10.0, gt=0, le=300)
    folders: Annotated[list[Path], NoDecode] = []
    buckets: Annotated[list[str], NoDecode] = []
    queues: Annotated[list[str], NoDecode] = []
    allow_private_addresses: Annotated[list[str], NoDecode] = []
    smtp_url: str = ""
    mail_from: str = "colabel@localhost"
    slack_token: str = ""
    slack_signing_secret: str = ""
    slack_app_token: str = ""
    slack_api: str = "https://slack.com/api"
    batch_size: int = Field(32, ge=1, le=1024)
    threads: int = Field(0, ge=0, le=256)
    lease_seconds: float = Field(15.0, gt=0)
    clock_seconds: float = Field(2.0, gt=0)
    watch_seconds: float = Field(2.0, gt=0)
    min_free_bytes: int = Field(200_000_000, ge=0)
    max_waiting: int = Field(50_000, ge=0)
    max_rate: int = Field(0, ge=0)
    max_burst: int = Field(0, ge=0)
    max_kept_bytes: int = Field(0, ge=0)
    metrics_token: str = ""
    retention_days: int = Field(0, ge=0, le=36_500)
    undo_days: int = Field(7, ge=0, le=36_500)
    finetune_seconds: float = Field(240.0, ge=0, le=86_400)
    rule_buckets: Annotated[list[Bucket], NoDecode] = []

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("folders", "buckets", "queues", "allow_private_addresses", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            separator = ":" if value.startswith(("/", "~")) else ","
            return [part.strip() for part in value.split(separator) if part.strip()]
        return value

    @field_validator("folders", mode="after")
    @classmethod
    def _absolute_folders(cls, value: list[Path]) -> list[Path]:
        for folder in value:
            if not folder.expanduser().is_absolute():
                raise ValueError(f"{folder} is not an absolute path")
        return [folder.expanduser() for folder in value]

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        # psycopg 3 is the driver we ship; the plain scheme would ask SQLAlchemy for psycopg2.
        for scheme in ("postgres://", "postgresql://"):
            if value.startswith(scheme):
                return "postgresql+psycopg://" + value.removeprefix(scheme)
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("use sqlite:///path or postgresql://user:password@host/name")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("use redis://host:port/0, rediss://… or unix:///path")
        return value

    @field_validator("storage")
    @classmethod
    def _known_storage(cls, value: str) -> str:
        if value and not value.startswith("file:///") and not _S3.fullmatch(value):
            raise ValueError("use file:///absolute/path or s3://bucket/prefix")
        return value

    @field_validator("rule_buckets", mode="before")
    @classmethod
    def _places_for_rules(cls, value: object) -> object:
        return [_rule_bucket(one) for one in value.split(",")] if isinstance(value, str) else value

    @field_validator("public_url", "slack_api")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("use http://host:port or https://host")
        return value.rstrip("/")

    @field_validator("weights", mode="after")
    @classmethod
    def _weights_exist(cls, value: Path | None) -> Path | None:
        if value is not None and not value.expanduser().exists():
            raise ValueError(f"there is no file or folder {value}")
        return value.expanduser().absolute() if value is not None else None

    @property
    def database(self) -> str:
        """The database's URL, SQLite inside the data folder by default."""
        return self.database_url or f"sqlite:///{self.data_dir / 'colabel.db'}"

    @property
    def bucket(self) -> Bucket | None:
        """Where pictures and models are kept in an S3-compatible store; None: on local disk."""
        found = _S3.fullmatch(self.storage)
        if found is None:
            return None
        prefix = (found["prefix"] or "").strip("/")
        return Bucket(found["name"], f"{prefix}/" if prefix else "")

    @property
    def blobs_dir(self) -> Path:
        """Where pictures and models are kept when that is local disk."""
        if self.storage.startswith("file:"):
            return Path(urlsplit(self.storage).path)
        return self.data_dir / "blobs"

    @property
    def spool_dir(self) -> Path:
        """Where an upload waits until its hash is known, when local disk is not where it goes."""
        return self.data_dir / "spool"

    @property
    def sorted_dir(self) -> Path:
        """Where the first workspace's rules put pictures when they name a relative folder."""
        return self.data_dir / "sorted"


def _rule_bucket(text: str) -> Bucket:
    found = _RULE_BUCKET.fullmatch(text.strip())
    if found is None:
        raise ValueError("use bucket or bucket/prefix, separated by commas")
    prefix = (found["prefix"] or "").strip("/")
    return Bucket(found["name"], f"{prefix}/" if prefix else "")


VARIABLES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` win over the environment.

    Raises ConfigurationError with one sentence for each bad value.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        sentences = []
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else "?"
            name = field if field.isupper() else VARIABLES.get(field, f"COLABEL_{field.upper()}")
            reason = str(problem["msg"]).removeprefix("Value error, ")
            shown = re.sub(r"://[^@/]*@", "://***@", str(problem["input"]))
            sentences.append(f"{name} has a bad value ({shown!r}): {reason}.")
        raise ConfigurationError(" ".join(sentences)) from error
