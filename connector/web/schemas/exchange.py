"""What exports to other tools and imports from them are asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.web.schemas.base import Wanted


class ExportQuery(Wanted):
    """Which pictures, in which form."""

    format: Literal["zip", "csv", "label_studio"] = Field(
        "zip",
        description="zip: the pictures in a folder for each label; csv: a table; label_studio: "
        "tasks as JSON.",
    )
    labelled: bool | None = Field(
        None, description="true: those with a label; false: those without; absent: all."
    )
    image_root: str = Field(
        "",
        max_length=1000,
        description="Of label_studio: what stands before a picture's path in the zip, such as "
        "/data/local-files/?d=pictures; absent, tasks name our own addresses.",
    )


class ExchangeQuery(Wanted):
    """How labels of another tool are taken over."""

    new_labels: Literal["create", "known"] = Field(
        "create",
        description="What is not a label here yet: created, or its pictures skipped.",
    )
    fetch: bool = Field(True, description="Whether pictures are fetched from their addresses.")
    control: str = Field(
        "",
        max_length=200,
        description="Of Label Studio: the from_name of the choices that hold the label, where "
        "there are several.",
    )
