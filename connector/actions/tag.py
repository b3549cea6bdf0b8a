"""Tag a picture: an object in a bucket by its tags, or any file by keywords inside it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from connector.actions.base import (
    Action,
    ActionParams,
    Context,
    Foresight,
    Location,
    Outcome,
    Sight,
)
from connector.actions.keywords import with_keywords
from connector.actions.object_tags import MOST, add_tags, remove_tags
from connector.actions.rewriting import Rewritten, restore, rewrite
from connector.actions.templates import check_text, fill_text
from connector.errors import ActionFailed, ColabelError

MAX_NAME, MAX_VALUE, MAX_KEYWORD = 128, 256, 200
# Amazon S3 User Guide, "Categorizing your objects using tags": what tags may consist of.
_NAME = re.compile(r"(?!aws:)[\w +\-=.:/@]{1,128}")
_NOT_IN_VALUE = re.compile(r"[^\w +\-=.:/@]")


class TagParams(ActionParams):
    """Either `tags`, for objects in a bucket, or `keywords`, written into the file (JPEG, PNG).

    Values and keywords take the same {fields} as folder names.
    """

    tags: dict[str, str] = Field(
        default={}, max_length=MOST, description='Names and values, such as {"kind": "{label}"}'
    )
    keywords: list[str] = Field(
        default=[], max_length=20, description="XMP keywords (dc:subject), such as {label}"
    )

    @field_validator("tags")
    @classmethod
    def _names_and_values(cls, value: dict[str, str]) -> dict[str, str]:
        for name, template in value.items():
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"“{name[:40]}” cannot be the name of a tag: letters, digits, spaces and "
                    f"+ - = . _ : / @ can, up to {MAX_NAME} of them, not beginning with aws:"
                )
            _as_value_error(template)
        return value

    @field_validator("keywords")
    @classmethod
    def _templates(cls, value: list[str]) -> list[str]:
        for template in value:
            if not template.strip():
                raise ValueError("a keyword needs at least one letter")
            _as_value_error(template)
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> TagParams:
        if bool(self.tags) == bool(self.keywords):
            raise ValueError("give either “tags” (of an object in a bucket) or “keywords”")
        return self


def _as_value_error(template: str) -> None:
    try:
        check_text(template)
    except ColabelError as error:
        raise ValueError(error.detail) from error


class Tag(Action[TagParams]):
    """Tags are merged with those that are there; the file with a keyword keeps all else."""

    kind: ClassVar[str] = "tag"
    undoable: ClassVar[bool] = True
    undo_takes_bytes: ClassVar[bool] = True
    Params = TagParams

    def describe(self, params: TagParams) -> str:
        """Return one sentence for the preview."""
        if params.keywords:
            return f"Writes the keywords {', '.join(params.keywords)} into the picture's file."
        pairs = ", ".join(f"{name}={value}" for name, value in params.tags.items())
        return f"Tags the object in its bucket with {pairs}."

    def foresee(self, params: TagParams, sight: Sight) -> Foresight:
        """Return its tags or keywords. Raises ActionFailed for tags of what lies in no bucket."""
        if params.keywords:
            said = ", ".join(fill_text(one, sight.prediction).strip() for one in params.keywords)
            return Foresight(f"Keywords: {said}.", said)
        if sight.location["kind"] != "s3":
            raise _not_in_a_bucket()
        pairs = [(name, fill_text(one, sight.prediction)) for name, one in params.tags.items()]
        said = ", ".join(f"{name}={_value(value)}" for name, value in pairs)
        return Foresight(f"Tags: {said}.", said)

    def execute(self, params: TagParams, location: Location, ctx: Context) -> Outcome:
        """Tag it, or finish what an interrupted attempt has begun."""
        if params.tags:
            if location["kind"] != "s3":
                raise _not_in_a_bucket()
            tags = {
                name: _value(fill_text(one, ctx.prediction)) for name, one in params.tags.items()
            }
            return add_tags(location, tags, ctx)
        words = [fill_text(one, ctx.prediction).strip()[:MAX_KEYWORD] for one in params.keywords]
        words = [word for word in words if word]

        def mark(data: bytes) -> Rewritten:
            return Rewritten(with_keywords(data, words), {"how": "keywords", "keywords": words})

        return rewrite(location, ctx, mark)

    def undo(
        self, params: TagParams, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        """Take the tags off, or restore the file to the byte, if nobody has changed it."""
        if params.tags:
            return remove_tags(outcome_detail, ctx)
        return restore(outcome_detail, ctx)


def _not_in_a_bucket() -> ActionFailed:
    return ActionFailed(
        "Only objects in a bucket have tags, and this picture lies in none; use "
        "“keywords” in the rule, or a “move” into a bucket before.",
        code="not_in_a_bucket",
    )


def _value(text: str) -> str:
    """Return the text with only what a tag's value may consist of."""
    return _NOT_IN_VALUE.sub("_", text)[:MAX_VALUE]


ACTION = Tag()
