"""`colabel up` on a bucket: every process finds it, and no picture or model is on local disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from buckets import S3Bucket
from colours import picture
from running import prepare, running

pytestmark = [pytest.mark.service, pytest.mark.timeout(120)]


def test_a_picture_goes_through_the_whole_service(
    bucket: S3Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLABEL_STORAGE", str(bucket.name))
    prepared = prepare(tmp_path / "data")
    models = len(bucket.listed())
    assert models > 0
    with running(prepared) as service:
        path = f"/api/v1/classifiers/{prepared.classifier_id}/predictions?wait=60"
        headers = {"Content-Type": "image/png"}
        status, shown = service.request("POST", path, picture("red"), headers, timeout=70)
        assert (status, shown["status"], shown["label"]) == (200, "done", "red")
        key = {"Authorization": f"Bearer {prepared.key}"}
        url = f"{service.url}/api/v1/predictions/{shown['id']}/image"
        assert requests.get(url, headers=key, timeout=20).content == picture("red")
        assert service.request("GET", "/readyz")[1]["checks"]["storage"]["status"] == "ok"
    assert len(bucket.listed()) == models + 1
    assert not (tmp_path / "data" / "blobs").exists()
