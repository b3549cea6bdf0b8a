"""Policies, notifications and filters of Amazon's services, for one S3 source."""

from __future__ import annotations

from connector.db.types import Json
from connector.inbound.s3_settings import S3Settings

_VERSION = "2012-10-17"


def iam_policy(place: S3Settings) -> Json:
    """Return what the user or role of colabel has to be allowed for this source."""
    buckets = bucket_arns(place)
    statements: list[Json] = [
        {
            "Sid": "ReadPictures",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"{bucket}/{place.prefix}*" for bucket in buckets],
        },
        # Without it a missing object is answered with 403 and cannot be told from a refusal.
        {"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": buckets},
    ]
    if place.queue_url:
        statements.append(
            {
                "Sid": "Receive",
                "Effect": "Allow",
                "Action": [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:ChangeMessageVisibility",
                ],
                "Resource": [queue_arn(place)],
            }
        )
    return {"Version": _VERSION, "Statement": statements}


def topic_policy(place: S3Settings, topic: str) -> Json:
    """Return the policy by which the buckets may publish to a topic."""
    account = topic.split(":")[4]
    return {"Version": _VERSION, "Statement": [_let_s3(place, "sns:Publish", topic, account)]}


def queue_policy(place: S3Settings) -> Json:
    """Return the policy by which the buckets, topics and EventBridge may send to the queue."""
    arn, account = queue_arn(place), place.queue_account
    statements = [_let_s3(place, "sqs:SendMessage", arn, account)]
    for topic in place.topics:
        statements.append(
            {
                "Sid": "LetSnsSend",
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        )
    return {"Version": _VERSION, "Statement": statements}


def _let_s3(place: S3Settings, action: str, resource: str, account: str) -> Json:
    condition: Json = {"ArnLike": {"aws:SourceArn": bucket_arns(place)}}
    if account.isdigit():
        # Without it, whoever gets a deleted bucket's name next could send.
        condition["StringEquals"] = {"aws:SourceAccount": account}
    return {
        "Sid": "LetS3Send",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def notification(place: S3Settings, *, topic: str | None = None) -> Json:
    """Return a bucket's notification configuration towards a topic, else the source's queue.

    S3 takes one suffix a configuration, and tells upper from lower case.
    """
    kind, name, arn = ("Topic", "TopicArn", topic) if topic else ("Queue", "QueueArn", None)
    endings: list[str | None] = list(place.suffixes) or [None]
    return {
        f"{kind}Configurations": [
            {
                "Id": f"colabel-{number}",
                name: arn or queue_arn(place),
                "Events": ["s3:ObjectCreated:*"],
                **_filter(place.prefix, ending),
            }
            for number, ending in enumerate(endings, 1)
        ]
    }


def _filter(prefix: str, suffix: str | None) -> Json:
    rules = [
        {"Name": name, "Value": value}
        for name, value in (("prefix", prefix), ("suffix", suffix))
        if value
    ]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


def rule_pattern(place: S3Settings) -> Json:
    """Return the pattern by which a rule of EventBridge picks the source's objects."""
    keys = _key_patterns(place)
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": list(place.buckets)},
            **({"object": {"key": keys}} if keys else {}),
        },
    }


def _key_patterns(place: S3Settings) -> list[Json]:
    """Return what a key may be: wildcards, because prefix and suffix would be alternatives."""
    if not place.suffixes:
        return [{"prefix": place.prefix}] if place.prefix else []
    if not place.prefix:
        return [{"suffix": {"equals-ignore-case": ending}} for ending in place.suffixes]
    return [
        {"wildcard": f"{_escaped(place.prefix)}*{_escaped(ending)}"} for ending in place.suffixes
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*")


def bucket_arns(place: S3Settings) -> list[str]:
    """Return the ARNs of the source's buckets."""
    return [f"arn:{_partition(place)}:s3:::{bucket}" for bucket in place.buckets]


def queue_arn(place: S3Settings) -> str:
    """Return the ARN of the source's queue."""
    region = place.queue_region or place.region or "us-east-1"
    return f"arn:{_partition(place)}:sqs:{region}:{place.queue_account}:{place.queue_name}"


def _partition(place: S3Settings) -> str:
    if place.topics:
        return place.topics[0].split(":")[1]
    region = place.queue_region or place.region or ""
    for beginning, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(beginning):
            return partition
    return "aws"
