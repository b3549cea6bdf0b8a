"""What somebody typed, and what was wrong with it: so that a form comes back as it was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import request

from connector.errors import ColabelError, Forbidden, NotFound, Unauthorized


@dataclass
class Form:
    """The values of a form by field, the error of each, and one that is of no single field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    status: int = 200

    @classmethod
    def empty(cls, **values: str) -> Form:
        """Return a form as it is shown first, with these values in it."""
        return cls(values)

    @classmethod
    def sent(cls, *secret: str) -> Form:
        """Return the form that was sent; fields in `secret` are not shown again."""
        shown = {name: value for name, value in request.form.items() if name not in secret}
        return cls(shown)

    def __getitem__(self, name: str) -> str:
        """Return what a field holds, an empty text where it was not sent."""
        return self.values.get(name, "")

    def refuse(self, error: ColabelError, fields: Mapping[str, str] | None = None) -> None:
        """Note what was wrong, at the field that `fields` names for the error's code.

        What the form cannot mend is raised again: a page that is not there or not allowed, and
        whatever is wrong on our side.
        """
        mendable = error.status < 500 and not isinstance(error, NotFound | Forbidden)
        if not mendable or (isinstance(error, Unauthorized) and error.code != "wrong_login"):
            raise error
        name = (fields or {}).get(error.code)
        if name is None:
            self.error = error.detail
        else:
            self.errors[name] = error.detail
        self.status = error.status

    def wrong(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field."""
        self.errors[name] = sentence
        self.status = 422
