"""The one family of errors that domain functions raise and every surface can show."""

from __future__ import annotations

from typing import Any, ClassVar


class ColabelError(Exception):
    """An error with a stable code, a sentence for a person, and whether trying again can help.

    `detail` is the sentence; `code` is what programs compare; `permanent` says that the same
    call will fail again; `retry_after` (seconds) becomes a Retry-After header; `extra` goes into
    the problem document as further members.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"
    default_permanent: ClassVar[bool] = True

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        permanent: bool | None = None,
        retry_after: int | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.permanent = self.default_permanent if permanent is None else permanent
        self.retry_after = retry_after
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document of this error."""
        return {
            "type": f"urn:colabel:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


class BadRequest(ColabelError):
    """The request is not of the form it should have."""

    status = 400
    default_code = "bad_request"
    title = "The request could not be understood"


class Unauthorized(ColabelError):
    """No key, or one that is not valid."""

    status = 401
    default_code = "unauthorized"
    title = "A valid key is needed"


class Forbidden(ColabelError):
    """A valid key without the right to do this."""

    status = 403
    default_code = "forbidden"
    title = "This key may not do that"


class NotFound(ColabelError):
    """It does not exist, or belongs to somebody else: the two look the same."""

    status = 404
    default_code = "not_found"
    title = "Not found"


class Conflict(ColabelError):
    """The state of the thing does not allow it."""

    status = 409
    default_code = "conflict"
    title = "That does not fit the present state"


class Gone(ColabelError):
    """It was here and was deleted on purpose."""

    status = 410
    default_code = "gone"
    title = "That was deleted"


class TooLarge(ColabelError):
    """More bytes or pixels than accepted."""

    status = 413
    default_code = "too_large"
    title = "Too large"


class UnsupportedMedia(ColabelError):
    """Not a picture of a kind that can be read."""

    status = 415
    default_code = "unsupported_media"
    title = "Not a picture that can be read"


class Unprocessable(ColabelError):
    """Well-formed, but the values make no sense here."""

    status = 422
    default_code = "unprocessable"
    title = "That cannot be done with these values"


class TooMany(ColabelError):
    """More than a workspace may have; `retry_after` says when to try again."""

    status = 429
    default_code = "too_many"
    title = "Too much at once"
    default_permanent = False


class Unavailable(ColabelError):
    """A part of the service cannot answer at present."""

    status = 503
    default_code = "unavailable"
    title = "Not available right now"
    default_permanent = False


class NoSpace(ColabelError):
    """The disk is (nearly) full."""

    status = 507
    default_code = "no_space"
    title = "No space left"
    default_permanent = False


class Damaged(ColabelError):
    """Kept bytes are not the ones that were put there."""

    default_code = "blob_damaged"
    title = "The kept bytes are damaged"


class ActionFailed(ColabelError):
    """An action could not be carried out; not permanent ones are tried again."""

    default_code = "action_failed"
    title = "The action failed"


class LostLease(ColabelError):
    """Another worker has taken this work over; what is in hand must be dropped."""

    status = 409
    default_code = "lost_lease"
    title = "Another worker has taken over"


class FetchFailed(ColabelError):
    """An address could not be read or written to."""

    status = 422
    default_code = "fetch_failed"
    title = "The address could not be reached"
    default_permanent = False


class ForbiddenAddress(FetchFailed):
    """An address inside our own network, which outsiders may not make us call."""

    default_code = "forbidden_address"
    title = "This address may not be called"
    default_permanent = True


class ConfigurationError(ColabelError):
    """A setting has a bad value; the sentence names it."""

    default_code = "configuration"
    title = "A setting needs attention"
