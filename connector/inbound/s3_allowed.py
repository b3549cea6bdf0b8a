"""Which buckets and queues sources may use: those that whoever runs the service names.

The service's credentials may reach more than a workspace is to see, its own store above all.
"""

from __future__ import annotations

from connector.errors import ColabelError, Unprocessable
from connector.inbound.s3_settings import S3Settings
from connector.settings import Settings

ANY = "*"


def check_allowed(wanted: S3Settings, house: Settings) -> None:
    """Raise Unprocessable (bucket_not_allowed) for a bucket or queue that no source may use."""
    for bucket in wanted.buckets:
        if ANY not in house.buckets and bucket not in house.buckets:
            raise _not_allowed(f"The bucket {bucket}", "COLABEL_BUCKETS")
    if wanted.queue_url and not {ANY, wanted.queue_name} & set(house.queues):
        raise _not_allowed(f"The queue {wanted.queue_name}", "COLABEL_QUEUES")
    own = house.bucket
    if own is not None and own.name in wanted.buckets and _overlap(own.prefix, wanted.prefix):
        raise Unprocessable(
            f"{own} is where colabel keeps everybody's pictures (COLABEL_STORAGE), so no source "
            "takes from there; use another prefix or bucket.",
            code="bucket_not_allowed",
        )


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _not_allowed(what: str, setting: str) -> ColabelError:
    return Unprocessable(
        f"{what} is not one that sources may use here. Whoever runs the service names it in "
        f"{setting} and starts colabel again.",
        code="bucket_not_allowed",
    )
