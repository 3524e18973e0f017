"""Serves a route table on aiohttp; every failure leaves as application/problem+json."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import structlog
from aiohttp import ClientConnectionError, web
from opentelemetry.trace import SpanKind
from stowage_contracts.errors import Conflict, NotAuthorized

from stowage_runtime.http import Answer, Authenticate, Call, Reply, Route, Stream
from stowage_runtime.http.conditional import unless_known
from stowage_runtime.http.limiting import Limiter, Rates, caller_of
from stowage_runtime.http.parsing import read_body, read_query, read_raw
from stowage_runtime.http.problems import problem_of, problem_reply
from stowage_runtime.service import Desk
from stowage_runtime.telemetry import metrics, span, trace_id

D = TypeVar("D")
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Told apart in metrics; a client may invent any number of others."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HttpLimits:
    """What one client may cost."""

    body_bytes: int = 1 << 20
    body_seconds: float = 15
    stop_seconds: float = 10


@dataclass(frozen=True)
class Surface(Generic[D]):
    """What is served, and what its handlers get."""

    service: str
    routes: Sequence[Route[D]]
    desk: Callable[[], Desk]
    deps: D
    authenticate: Authenticate[D] | None = None
    """Missing: routes that want a caller are refused."""
    limits: HttpLimits = HttpLimits()
    tls: ssl.SSLContext | None = None
    limiter: Limiter = field(default_factory=lambda: Limiter(Rates()))


class HttpServer(Generic[D]):
    """One listening server; ``port`` is the real one once started."""

    def __init__(self, surface: Surface[D], host: str, port: int) -> None:
        self._surface, self._host, self.port = surface, host, port
        self._streams: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; raises Conflict (``conflict.port``) when the address cannot be had."""
        limits = self._surface.limits
        app = web.Application(client_max_size=limits.body_bytes, middlewares=[self._observe])
        for route in self._surface.routes:
            app.router.add_route(route.method, route.path, self._responder(route))
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=limits.stop_seconds
        )
        await self._runner.setup()
        try:
            await web.TCPSite(
                self._runner, self._host, self.port, ssl_context=self._surface.tls
            ).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Conflict(
                f"cannot listen on {self._host} port {self.port}: {error.strerror}",
                resource="http",
                code="port",
                hint="set STOWAGE_HTTP_HOST and STOWAGE_HTTP_PORT",
            ) from None
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Accept nothing more, end the streams, let the other requests finish; idempotent."""
        if self._runner is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        for stream in self._streams:
            stream.cancel()
        await self._runner.cleanup()
        self._runner = None

    @web.middleware
    async def _observe(self, request: web.Request, handler: Respond) -> web.StreamResponse:
        resource = request.match_info.route.resource
        where = resource.canonical if resource else "(unknown)"
        method = request.method if request.method in METHODS else "other"
        facts = {"service": self._surface.service, "route": where, "method": method}
        began = time.perf_counter()
        parent = request.headers.get("traceparent", "")
        with span(f"{method} {where}", parent, SpanKind.SERVER, **facts) as running:
            response = await self._answer(request, handler)
            running.set_attribute("http.response.status_code", response.status)
        metrics.HTTP_REQUESTS.add(1, {**facts, "status": response.status})
        metrics.HTTP_SECONDS.record(time.perf_counter() - began, facts)
        return response

    async def _answer(self, request: web.Request, respond: Respond) -> web.StreamResponse:
        try:
            response = await respond(request)
        except Exception as error:
            problem = problem_of(error)
            if problem.status >= 500:
                log.error("http.failed", path=request.path, code=problem.code, exc_info=error)
            response = problem_reply(problem, error)
        if not response.prepared:
            response.headers.update(_traced())
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _responder(self, route: Route[D]) -> Respond:
        async def respond(request: web.Request) -> web.StreamResponse:
            desk = self._surface.desk()
            async with asyncio.timeout(route.seconds):
                call = await self._call(route, request, desk)
                answer = await route.handler(call, desk, self._surface.deps)
            if isinstance(answer, Stream):
                return await self._stream(request, answer, caller_of(call))
            return unless_known(request, _whole(route, answer))

        return respond

    async def _call(self, route: Route[D], request: web.Request, desk: Desk) -> Call:
        call = Call(
            method=request.method,
            target=request.raw_path,
            path=dict(request.match_info),
            headers=request.headers,
            remote=request.remote or "",
        )
        if route.auth:
            call = replace(call, principal=await self._principal(call, desk))
        limit = self._surface.limits.body_seconds
        return replace(
            call,
            query=read_query(route.query, request.query),
            body=await (
                read_raw(request, limit) if route.raw else read_body(route.body, request, limit)
            ),
        )

    async def _principal(self, call: Call, desk: Desk) -> Any:
        """Who tries keys is stopped before anybody looks them up."""
        if self._surface.authenticate is None:
            raise NotAuthorized("this service takes no callers", code="closed")
        limiter = self._surface.limiter
        with limiter.tries(call.remote):
            principal = await self._surface.authenticate(call, desk, self._surface.deps)
        limiter.requests.take(caller_of(call))
        return principal

    async def _stream(
        self, request: web.Request, answer: Stream, caller: str
    ) -> web.StreamResponse:
        with self._surface.limiter.stream(caller):
            return await self._pumped(request, answer)

    async def _pumped(self, request: web.Request, answer: Stream) -> web.StreamResponse:
        headers = {"Content-Type": answer.media, "Cache-Control": "no-store", **answer.headers}
        response = web.StreamResponse(headers={**headers, **_traced()})
        pump = asyncio.create_task(_pump(request, response, answer.chunks))
        self._streams.add(pump)
        try:
            await asyncio.wait([pump])
        finally:
            self._streams.discard(pump)
            pump.cancel()
        return response


async def _pump(
    request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes]
) -> None:
    try:
        await response.prepare(request)
        async for chunk in chunks:
            await response.write(chunk)
    except (ClientConnectionError, ConnectionResetError):
        log.debug("http.client_left", path=request.path)
    except Exception as error:  # the status line is out: all that can be said is to break off
        log.error("http.stream_broke", path=request.path, exc_info=error)
        if request.transport is not None:
            request.transport.abort()
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _traced() -> dict[str, str]:
    found = trace_id()
    return {"Trace-Id": found} if found else {}


def _whole(route: Route[Any], answer: Answer) -> web.Response:
    reply = answer if isinstance(answer, Reply) else Reply(answer)  # type: ignore[arg-type]
    body = reply.body
    raw = body if isinstance(body, bytes) else body.model_dump_json().encode() if body else b""
    headers = {"Content-Type": reply.media, **reply.headers} if raw else reply.headers
    response = web.Response(body=raw, status=reply.status or route.status, headers=headers)
    for name, value in reply.cookies.items():
        age = None if value else 0
        response.set_cookie(name, value, httponly=True, samesite="Lax", max_age=age)
    return response
