"""Notifications of new objects, in the words of each store that sends them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus


def aws(
    key: str, name: str = "ObjectCreated:Put", bucket: str = "scans", **item: Any
) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": "2026-11-25T08:00:00.000Z",
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "colabel",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {
                        "key": quote_plus(key, safe="/"),
                        "size": 1024,
                        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                        "sequencer": "0055AED6DCD90281E5",
                        **item,
                    },
                },
            }
        ]
    }


def minio(key: str, bucket: str = "scans") -> dict[str, Any]:
    told = aws(key, "s3:ObjectCreated:Put", bucket)
    told["Records"][0]["eventSource"] = "minio:s3"
    told["Records"][0]["s3"]["object"]["key"] = quote_plus(key)
    return {"EventName": "s3:ObjectCreated:Put", "Key": f"{bucket}/{key}", **told}


def ceph(key: str, bucket: str = "scans") -> dict[str, Any]:
    told = aws(key, bucket=bucket, versionId="")
    told["Records"][0]["eventSource"] = "ceph:s3"
    told["Records"][0]["s3"]["object"]["key"] = key
    return told


def eventbridge(key: str, kind: str = "Object Created", bucket: str = "scans") -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-25T08:00:00Z",
        "region": "eu-central-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 1024,
                "etag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "0055AED6DCD90281E5",
            },
            "reason": "PutObject",
        },
    }
