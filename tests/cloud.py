"""A desk's folder in a bucket, and what a person sees there."""

from __future__ import annotations

import hashlib
from typing import Any

from buckets import S3Bucket

from connector.actions.buckets import s3
from connector.settings import Bucket

DRESS = {
    "ContentType": "image/x-test",
    "CacheControl": "max-age=7",
    "Metadata": {"from": "scanner"},
    "Tagging": "year=2026&who=A%20B",
}


class Cloud:
    """`desk` gets to know the bucket; each desk has a folder of its own in it."""

    def __init__(self, desk: Any, bucket: S3Bucket) -> None:
        self.desk, self.name, self.client = desk, bucket.name.name, bucket.server.client
        self.prefix = f"desk{desk.root.name}/"
        allowed = [Bucket(self.name, self.prefix)]
        desk.settings = desk.settings.model_copy(update={"rule_buckets": allowed})

    def versioned(self) -> Cloud:
        """Let the bucket keep versions from now on."""
        self.client.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )
        return self

    def put(self, key: str, data: bytes = b"picture", **options: Any) -> dict[str, Any]:
        """Put a new picture there as its owner does; return its location as a source writes it."""
        self.desk.prediction["sha256"] = hashlib.sha256(data).hexdigest()
        return self.write(key, data, **options)

    def write(self, key: str, data: bytes, **options: Any) -> dict[str, Any]:
        """Put any object there."""
        told = self.client.put_object(
            Bucket=self.name, Key=self.prefix + key, Body=data, **{**DRESS, **options}
        )
        version = told.get("VersionId")
        return s3(
            self.name, self.prefix + key, version=version, etag=told["ETag"], source_id="src_1"
        )

    def delete(self, key: str) -> None:
        """Take an object away behind the service's back."""
        self.client.delete_object(Bucket=self.name, Key=self.prefix + key)

    def get(self, key: str) -> dict[str, Any]:
        """Return an object with all that it carries."""
        told = self.client.get_object(Bucket=self.name, Key=self.prefix + key)
        return {**told, "Body": told["Body"].read(), "Tags": self.tags(key)}

    def tags(self, key: str) -> dict[str, str]:
        """Return the tags of an object."""
        told = self.client.get_object_tagging(Bucket=self.name, Key=self.prefix + key)
        return {one["Key"]: one["Value"] for one in told["TagSet"]}

    def objects(self) -> dict[str, bytes]:
        """Return every object that is to be seen, by its key below the desk's folder."""
        told = self.client.list_objects_v2(Bucket=self.name, Prefix=self.prefix)
        keys = [one["Key"].removeprefix(self.prefix) for one in told.get("Contents", [])]
        return {key: self.get(key)["Body"] for key in keys}

    def versions(self, key: str) -> list[str]:
        """Return the versions of a key and its delete markers, as "marker", the newest first."""
        told = self.client.list_object_versions(Bucket=self.name, Prefix=self.prefix + key)
        rows = [(one, one["VersionId"]) for one in told.get("Versions", [])]
        rows += [(one, "marker") for one in told.get("DeleteMarkers", [])]
        mine = [row for row in rows if row[0]["Key"] == self.prefix + key]
        return [name for _, name in sorted(mine, key=lambda row: not row[0]["IsLatest"])]

    def folder(self, template: str) -> str:
        """Return a rule's folder in here."""
        return f"s3://{self.name}/{self.prefix}{template}"
