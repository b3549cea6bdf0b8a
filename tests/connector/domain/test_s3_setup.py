"""What is pasted at a store names the source's own things, and a shell reads it as it is meant."""

from __future__ import annotations

import json
import shlex
from typing import Any

import boto3
import pytest
from buckets import CREDENTIALS, S3Bucket

from connector.db.tables import Source
from connector.domain import s3_policies
from connector.domain.s3_setup import place_of, set_up
from connector.errors import Conflict
from connector.inbound import s3_events
from connector.inbound.s3_settings import S3Settings

TOPIC = "arn:aws:sns:eu-central-1:111122223333:scans"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/111122223333/scans"


def source(**settings: Any) -> Source:
    return Source(
        id="src_1",
        kind="s3",
        name="Scans",
        token="t0ken",
        settings={"buckets": ["scans"], **settings},
    )


def test_every_name_is_the_sources_own() -> None:
    shown = set_up(source(prefix="in/", topics=[TOPIC], queue_url=QUEUE), "https://c.example")
    assert shown["hook_url"] == "https://c.example/hooks/t0ken/s3"
    read, listed, receive = shown["iam_policy"]["Statement"]
    assert read["Resource"] == ["arn:aws:s3:::scans/in/*"]
    assert listed["Resource"] == ["arn:aws:s3:::scans"]
    assert receive["Resource"] == ["arn:aws:sqs:eu-central-1:111122223333:scans"]
    (publish,) = shown["sns"]["files"]["topic-policy.json"]["Statement"]
    assert publish["Resource"] == TOPIC
    assert publish["Condition"] == {
        "ArnLike": {"aws:SourceArn": ["arn:aws:s3:::scans"]},
        "StringEquals": {"aws:SourceAccount": "111122223333"},
    }
    told = shown["sqs"]["files"]["bucket-notification.json"]["QueueConfigurations"]
    assert [one["Filter"]["Key"]["FilterRules"] for one in told] == [
        [{"Name": "prefix", "Value": "in/"}]
    ]
    assert (
        json.loads(shown["sqs"]["files"]["queue-attributes.json"]["Policy"])
        == (shown["sqs"]["files"]["queue-policy.json"])
    )


def test_roads_that_are_not_set_are_left_out_and_what_is_open_is_said() -> None:
    shown = set_up(source(), "http://c.example")
    assert (shown["sns"], shown["sqs"]) == (None, None)
    said = " ".join(shown["warnings"])
    assert "no https address" in said
    assert "no key" in said
    kept = set_up(source(key_sha256="f" * 64), "https://c.example")
    assert "no key" not in " ".join(kept["warnings"])
    assert "auth_token" in kept["minio"]["commands"][0]
    assert "ffff" not in json.dumps(kept)


def test_a_shell_reads_the_commands_as_they_are_meant() -> None:
    prefix = "in $(reboot)'; x/"
    shown = set_up(source(prefix=prefix, suffixes=[".a b"], topics=[TOPIC]), "https://c.example")
    for road in ("sns", "eventbridge", "minio"):
        for command in shown[road]["commands"]:
            assert shlex.split(command)[0] in ("aws", "mc")
    event = shlex.split(shown["minio"]["commands"][-1])
    assert event[-4:] == ["--prefix", prefix, "--suffix", ".a b"]


@pytest.mark.parametrize(
    ("filters", "patterns"),
    [
        ({}, None),
        ({"prefix": "in/"}, [{"prefix": "in/"}]),
        ({"suffixes": (".jpg",)}, [{"suffix": {"equals-ignore-case": ".jpg"}}]),
        ({"prefix": "a*\\/", "suffixes": (".jpg",)}, [{"wildcard": "a\\*\\\\/*.jpg"}]),
    ],
)
def test_a_rule_picks_what_the_filters_take(filters: Any, patterns: Any) -> None:
    detail = s3_policies.rule_pattern(S3Settings(buckets=("scans",), **filters))["detail"]
    assert detail.get("object", {}).get("key") == patterns


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_other_partitions_have_their_own_arns(region: str, partition: str) -> None:
    place = S3Settings(buckets=("scans",), region=region)
    assert s3_policies.bucket_arns(place) == [f"arn:{partition}:s3:::scans"]


def test_a_store_takes_what_is_printed(bucket: S3Bucket) -> None:
    """The notification and the attributes are such that S3's and SQS' own APIs accept them."""
    session = boto3.session.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    )
    sqs: Any = session.client("sqs", endpoint_url=bucket.server.url, region_name="us-east-1")
    name = bucket.name.name
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    row = source(buckets=[name], prefix="in/", suffixes=[".png"], queue_url=url)
    shown = set_up(row, "https://c.example")["sqs"]["files"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=shown["queue-attributes.json"])
    bucket.server.client.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration=shown["bucket-notification.json"]
    )
    for key in ("in/a.png", "in/a.txt"):
        bucket.server.client.put_object(Bucket=name, Key=key, Body=b"x")
    bodies = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]
    assert [one.key for body in bodies for one in s3_events.read(body)] == ["in/a.png"]


def test_a_hook_needs_no_set_up() -> None:
    with pytest.raises(Conflict) as refused:
        place_of(Source(id="src_1", kind="hook", name="Shop", token="t", settings={}))
    assert refused.value.code == "not_s3"
