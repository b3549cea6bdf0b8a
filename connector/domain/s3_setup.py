"""What to paste where, so that a store reports to a source: filled in with the source's names."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlsplit

from connector.db.tables import Source
from connector.db.types import Json
from connector.domain.classifiers import S3
from connector.domain.s3_policies import (
    iam_policy,
    notification,
    queue_policy,
    rule_pattern,
    topic_policy,
)
from connector.domain.source_names import shown_name
from connector.domain.sources import hook_url
from connector.errors import Conflict
from connector.inbound import s3_settings
from connector.inbound.s3_settings import S3Settings

# The key is not kept, so it cannot be filled in.
KEY = "THE-KEY-OF-THE-SOURCE"
# About an hour, the longest that SNS keeps a message; by default it gives up after a minute.
_RETRIES = {
    "healthyRetryPolicy": {
        "minDelayTarget": 10,
        "maxDelayTarget": 300,
        "numRetries": 15,
        "backoffFunction": "exponential",
    }
}


def set_up(row: Source, public_url: str) -> Json:
    """Return the policies, notifications and commands of an S3 source, by the road they are for.

    Roads that its settings leave out are null; `files` are what the commands read, by name.
    Raises Conflict (not_s3) for a source of another kind.
    """
    place, url = place_of(row), hook_url(row, public_url)
    return {
        "hook_url": url,
        "iam_policy": iam_policy(place),
        "sns": _sns(place, url) if place.topics else None,
        "sqs": _sqs(place) if place.queue_url else None,
        "eventbridge": _eventbridge(row, place, url),
        "minio": _minio(row, place, url),
        "warnings": _warnings(place, url),
    }


def place_of(row: Source) -> S3Settings:
    """Return the settings of an S3 source. Raises Conflict (not_s3) for another kind."""
    if row.kind != S3:
        raise Conflict(
            f"{shown_name(row)!r} is no source of the kind s3, and only those read buckets.",
            code="not_s3",
        )
    return s3_settings.of(row.settings)


def _sns(place: S3Settings, url: str) -> Json:
    topic = place.topics[0]
    region = topic.split(":")[3]
    attribute = "aws sns set-topic-attributes --region {} --topic-arn {} --attribute-name "
    return {
        "files": {
            "topic-policy.json": topic_policy(place, topic),
            "bucket-notification.json": notification(place, topic=topic),
            "subscription-attributes.json": {"DeliveryPolicy": json.dumps(_RETRIES)},
        },
        "commands": [
            _line(attribute + "Policy --attribute-value file://topic-policy.json", region, topic),
            _line(attribute + "SignatureVersion --attribute-value 2", region, topic),
            *_put_notification(place),
            _line(
                "aws sns subscribe --region {} --topic-arn {} --protocol {} "
                "--notification-endpoint {} --attributes file://subscription-attributes.json",
                *(region, topic, urlsplit(url).scheme, url),
            ),
        ],
    }


def _sqs(place: S3Settings) -> Json:
    policy = queue_policy(place)
    # While it works on a message, colabel keeps it hidden longer by itself.
    attributes = {"Policy": json.dumps(policy), "VisibilityTimeout": "60"}
    return {
        "files": {
            "queue-policy.json": policy,
            "queue-attributes.json": attributes,
            "bucket-notification.json": notification(place),
        },
        "commands": [
            _line(
                "aws sqs set-queue-attributes --queue-url {} "
                "--attributes file://queue-attributes.json",
                place.queue_url or "",
            ),
            *_put_notification(place),
        ],
    }


def _eventbridge(row: Source, place: S3Settings, url: str) -> Json:
    name = f"colabel-{row.id}"
    shown = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": KEY}}
    return {
        "files": {
            "rule-pattern.json": rule_pattern(place),
            "bucket-notification.json": {"EventBridgeConfiguration": {}},
        },
        "commands": [
            *_put_notification(place),
            _line("aws events put-rule --event-pattern file://rule-pattern.json --name {}", name),
            _line(
                "aws events create-connection --authorization-type API_KEY --name {} "
                "--auth-parameters {}",
                *(name, json.dumps(shown)),
            ),
            _line(
                "aws events create-api-destination --http-method POST --name {} "
                "--connection-arn CONNECTION-ARN --invocation-endpoint {}",
                *(name, url),
            ),
            _line(
                "aws events put-targets --rule {} --targets "
                "Id=colabel,Arn=API-DESTINATION-ARN,RoleArn=ROLE-ARN",
                name,
            ),
        ],
    }


def _minio(row: Source, place: S3Settings, url: str) -> Json:
    name = row.id.replace("_", "")
    key = f" auth_token={KEY}" if place.key_sha256 else ""
    commands = [
        # In its folder MinIO keeps what could not be delivered yet.
        _line(
            f"mc admin config set MINIO {{}} {{}}{key} queue_dir=/var/lib/minio-events "
            "queue_limit=100000",
            *(f"notify_webhook:{name}", f"endpoint={url}"),
        ),
        "mc admin service restart MINIO",
    ]
    endings: list[str | None] = list(place.suffixes) or [None]
    for bucket in place.buckets:
        for ending in endings:
            filters = [("--prefix", place.prefix), ("--suffix", ending)]
            given = [(option, value) for option, value in filters if value]
            line = "mc event add {} {} --event put" + "".join(f" {o} {{}}" for o, _ in given)
            arn = f"arn:minio:sqs::{name}:webhook"
            commands.append(_line(line, f"MINIO/{bucket}", arn, *(value for _, value in given)))
    return {"files": {}, "commands": commands}


def _put_notification(place: S3Settings) -> list[str]:
    return [
        _line(
            "aws s3api put-bucket-notification-configuration --bucket {} "
            "--notification-configuration file://bucket-notification.json",
            bucket,
        )
        for bucket in place.buckets
    ]


def _warnings(place: S3Settings, url: str) -> list[str]:
    said = []
    if urlsplit(url).scheme != "https":
        said.append(
            "COLABEL_PUBLIC_URL is no https address: EventBridge calls no other, and anybody on "
            "the way can read the token in it."
        )
    if not place.topics and place.key_sha256 is None:
        said.append("The source has no key: whoever knows its address may report objects.")
    said.append(
        "A bucket has one notification configuration, and putting one replaces it: merge it with "
        "what `aws s3api get-bucket-notification-configuration` shows."
    )
    return said


def _line(line: str, *values: str) -> str:
    """Fill values into a shell's command line, quoted: names may hold what a shell would read."""
    return line.format(*(shlex.quote(value) for value in values))
