"""Errors as application/problem+json (RFC 9457); nothing internal leaks."""

import math

from aiohttp import web
from stowage_contracts.errors import Problem, Retry, StowageError

from stowage_runtime.telemetry import trace_id

MEDIA = "application/problem+json"
CATALOGUE = "/v1/errors/"
"""Where the gateway tells of an error code."""
AWAY_SECONDS = 2
"""When to ask again where nobody knows better."""
HTTP_CODES = {
    404: "not_found.path",
    405: "invalid.method",
    408: "invalid.slow",
    413: "invalid.too_large",
    415: "invalid.media_type",
}


class HttpProblem(Problem):
    """A problem as HTTP tells it."""

    type: str
    """Where its code is explained."""
    retryable: bool
    """Whether the same request may succeed later."""

    @classmethod
    def of(cls, problem: Problem) -> "HttpProblem":
        """What the same problem is on the bus."""
        again = problem.retry is not Retry.FINAL
        return cls(**dict(problem), type=CATALOGUE + problem.code, retryable=again)


def problem_of(error: Exception) -> Problem:
    """What the client may know of ``error``; an unexpected one tells its trace id only."""
    if isinstance(error, StowageError):
        return error.problem
    if isinstance(error, web.HTTPException):
        return _from_http(error)
    if isinstance(error, TimeoutError):
        return Problem(
            code="unavailable.timeout",
            title="The request took too long",
            status=503,
            cause="the answer was not ready in time",
            retry=Retry.AGAIN,
        )
    return Problem(
        code="internal",
        title="Something went wrong inside Stowage",
        status=500,
        cause="an unexpected error; the log has it under this trace id",
        retry=Retry.AGAIN,
        details={"trace_id": trace_id()},
    )


def problem_reply(problem: Problem, error: Exception | None = None) -> web.Response:
    """A response; ``error`` may add the headers its status needs."""
    headers = {"Content-Type": MEDIA, "Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    seconds = problem.details.get("retry_after", AWAY_SECONDS)
    if problem.status in {429, 503}:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return web.Response(
        body=HttpProblem.of(problem).model_dump_json(), status=problem.status, headers=headers
    )


def _from_http(error: web.HTTPException) -> Problem:
    code = HTTP_CODES.get(error.status, "invalid.http" if error.status < 500 else "internal")
    return Problem(
        code=code, title=error.reason, status=error.status, cause=f"{error.status} {error.reason}"
    )
