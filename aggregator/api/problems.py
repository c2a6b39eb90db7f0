"""Say what is wrong with a request in the way of RFC 9457."""

from http import HTTPStatus
from typing import Annotated

import msgspec

MEDIA_TYPE = "application/problem+json"
ABOUT = "/api/v1/docs#problem-"


class Problem(msgspec.Struct, omit_defaults=True):
    """Why a request was not answered (RFC 9457)."""

    type: Annotated[str, msgspec.Meta(description="Which kind of problem, as a link to its description.")]
    title: str
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    detail: Annotated[str, msgspec.Meta(description="What was wrong with this very request.")] = ""
    parameter: Annotated[str, msgspec.Meta(description="The parameter at fault, when there is one.")] = ""


class Refused(Exception):
    """A request that ends in a problem; raised by handlers, answered by the API's server."""

    def __init__(self, kind: str, detail: str, parameter: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.parameter = parameter
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status that goes with the kind."""
        return KINDS[self.kind][0]

    @property
    def problem(self) -> Problem:
        """What the client is told."""
        status, title = KINDS[self.kind]
        return Problem(f"{ABOUT}{self.kind}", title, status, self.detail, self.parameter)


KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (HTTPStatus.BAD_REQUEST, "The request cannot be understood"),
    "unauthorized": (HTTPStatus.UNAUTHORIZED, "Credentials are missing or wrong"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such thing"),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "This cannot be done here"),
    "ambiguous": (HTTPStatus.CONFLICT, "More than one thing answers to this"),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
    "too-many-requests": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests from this address"),
    "slow-body": (HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time"),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of ours"),
    "unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot answer now"),
    "too-expensive": (HTTPStatus.SERVICE_UNAVAILABLE, "The question takes too long to answer"),
}
