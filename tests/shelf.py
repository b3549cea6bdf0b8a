"""A source of the kind s3, its bucket, and whoever reports to it."""

from __future__ import annotations

from typing import Any

from buckets import S3Bucket
from caller import Caller
from colours import picture
from reports import aws

Json = dict[str, Any]
RED = picture("red")


class Shelf:
    """Alice's source, its bucket, and whoever reports to it."""

    def __init__(
        self, as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket, **wanted: Any
    ) -> None:
        self._alice, self._nobody = as_alice, as_nobody
        self.store, self.name = bucket.server.client, bucket.name.name
        body = {
            "name": f"S3 {self.name}",
            "kind": "s3",
            "settings": {"buckets": [self.name], **wanted},
        }
        response = as_alice.post(f"{job.path}/sources", json=body)
        assert response.status_code == 201, response.text
        self.made: Json = response.json or {}
        self.hook, self.path = (
            "/" + self.made[name].split("/", 3)[3] for name in ("hook_url", "url")
        )

    def put(self, key: str, data: bytes = RED, **options: Any) -> Json:
        made: Json = self.store.put_object(Bucket=self.name, Key=key, Body=data, **options)
        return made

    def report(self, value: Any, **options: Any) -> Any:
        return self._nobody.post(self.hook, json=value, **options)

    def tell(self, key: str, sender: Any = aws, **options: Any) -> Any:
        return self.report(sender(key, bucket=self.name, **options))

    def shown(self) -> Json:
        return self._alice.get(self.path).json or {}

    def codes(self, outcome: str = "ignored") -> list[str]:
        return [one["code"] for one in self.shown()["events"] if one["outcome"] == outcome]
