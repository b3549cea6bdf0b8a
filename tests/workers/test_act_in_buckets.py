"""Pictures that lie in a bucket, from the answer to the effect and back, through the act worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acting import actions, add_rule, run, send
from buckets import S3Bucket
from colours import colour_classifier, picture

from connector.actions.buckets import s3
from connector.db.tables import Classifier, Prediction
from connector.domain import effects
from connector.domain.predictions import SourceRef
from connector.settings import Bucket
from connector.storage import open_objects
from workers.runtime import Runtime

TURN = {"kind": "rotate", "params": {"degrees": 180}}
TAG = {"kind": "tag", "params": {"tags": {"kind": "{label}"}}}
MOVE = {"kind": "move", "params": {"folder": "sorted/{label}"}}


@pytest.fixture
def inbox(rt: Runtime, bucket: S3Bucket) -> Iterator[S3Bucket]:
    """A bucket that rules may use."""
    allowed = [Bucket(bucket.name.name, "in/")]
    rt.settings = rt.settings.model_copy(update={"rule_buckets": allowed})
    yield bucket
    open_objects(bucket.name.name).close()
    open_objects.cache_clear()


def arrives(rt: Runtime, source: SourceRef, inbox: S3Bucket) -> str:
    """Let a picture come in from the bucket, as its source notes where it lies."""
    inbox.write("in/a.png", picture("red"))
    etag = inbox.server.client.head_object(Bucket=inbox.name.name, Key="in/a.png")["ETag"]
    return send(rt, source, location=s3(inbox.name.name, "in/a.png", etag=etag, source_id="src_1"))


def test_a_rules_steps_are_done_in_the_bucket_and_all_undone(
    rt: Runtime, colours: Classifier, api_source: SourceRef, inbox: S3Bucket
) -> None:
    add_rule(rt, colours, TURN, TAG, MOVE)
    prediction_id = arrives(rt, api_source, inbox)
    run(rt)
    assert [(one.status, one.error) for one in actions(rt, prediction_id)] == [("done", None)] * 3
    assert inbox.listed() == ["in/sorted/red/a.png"]
    client = inbox.server.client
    place = {"Bucket": inbox.name.name, "Key": "in/sorted/red/a.png"}
    assert client.get_object_tagging(**place)["TagSet"] == [{"Key": "kind", "Value": "red"}]
    with rt.database.write() as session:
        effects.request_undo_all(session, colours.workspace_id, prediction_id)
    run(rt)
    assert [one.status for one in actions(rt, prediction_id)] == ["undone"] * 3
    assert inbox.listed() == ["in/a.png"]
    place["Key"] = "in/a.png"
    assert client.get_object(**place)["Body"].read() == picture("red")
    assert client.get_object_tagging(**place)["TagSet"] == []


def test_an_object_is_handed_on_to_another_classifier_as_it_is_now(
    rt: Runtime, colours: Classifier, api_source: SourceRef, inbox: S3Bucket
) -> None:
    with rt.database.write() as session:
        other = colour_classifier(session, rt.blobs, colours.workspace_id, name="other")
    add_rule(rt, colours, MOVE, {"kind": "classify", "params": {"classifier": other.id}})
    prediction_id = arrives(rt, api_source, inbox)
    run(rt)
    moved, handed_on = actions(rt, prediction_id)
    assert (moved.status, handed_on.status, handed_on.error) == ("done", "done", None)
    with rt.database.read() as session:
        new = session.get_one(Prediction, handed_on.detail["prediction_id"])
        assert new.location["key"] == "in/sorted/red/a.png"
        assert new.location["source_id"] == "src_1"
