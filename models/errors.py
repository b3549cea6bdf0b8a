"""Errors of this package: a code for programs, a sentence for people."""

from __future__ import annotations

from typing import ClassVar


class ModelError(ValueError):
    """Something about a picture, a training set or a model file that the caller can act on.

    `code` is stable and for programs; the message is a sentence that can be shown as it is.
    """

    default_code: ClassVar[str] = "model_error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code

    def __reduce__(self) -> tuple[object, ...]:
        # The default would drop `code` when the error crosses a process boundary.
        return _rebuild, (type(self), self.detail, self.code)


class UnreadablePicture(ModelError):
    """The bytes are not a picture that can be used; `code` says in which way."""

    default_code = "picture_unreadable"


class NotEnoughExamples(ModelError):
    """Training cannot begin; the sentence says what to add."""

    default_code = "not_enough_examples"


class WeightsMissing(ModelError):
    """The pretrained weights of a backbone can be had neither locally nor by download."""

    default_code = "weights_missing"


def _rebuild(kind: type[ModelError], detail: str, code: str) -> ModelError:
    return kind(detail, code=code)
