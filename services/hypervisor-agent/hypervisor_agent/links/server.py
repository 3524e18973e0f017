"""The door's own HTTP server: four paths, no access log, bounded connections and patience."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from stowage_contracts.errors import Conflict, StowageError, Unavailable
from stowage_runtime.http.problems import problem_of, problem_reply

from hypervisor_agent.links.download import Serving, serve
from hypervisor_agent.links.forms import check_posted, posted_token
from hypervisor_agent.links.upload import Uploads

QUIET_SECONDS = 15.0
"""A connection that asks for nothing is closed."""
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)
_EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag, Range, Upload-Offset, Upload-Length"


@dataclass(frozen=True)
class DoorSettings:
    """Where the door listens and what it bears."""

    host: str
    port: int
    url: str
    """What its links begin with, as clients reach it."""
    connections: int = 64
    uploads: int = 8
    peers: int = 16
    """Ranges served to other agents at a time, on connections beside those."""
    origins: tuple[str, ...] = ()
    """Web pages that may use links from a browser."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Door:
    """Serves links; ``port`` is the real one once started."""

    def __init__(self, settings: DoorSettings, serving: Serving, uploads: Uploads) -> None:
        self._settings, self._serving, self._uploads = settings, serving, uploads
        self.port = settings.port
        self._taking = asyncio.Semaphore(settings.uploads)
        self._silent: dict[web.RequestHandler, float] = {}
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """What links begin with."""
        return self._settings.url.rstrip("/")

    async def start(self) -> None:
        """Listen; raises Conflict when the address cannot be had."""
        app = web.Application(middlewares=[self._guarded])
        app.on_response_prepare.append(self._dress)
        app.router.add_get("/o/{token}", self._download)  # HEAD comes with it
        app.router.add_get("/p/{hop_id}", self._serving.peers.serve, allow_head=False)
        app.router.add_put("/u/{token}", self._upload)
        app.router.add_head("/u/{token}", self._tell)
        app.router.add_post("/upload/{object_id}", self._post)
        for path in ("/o/{token}", "/u/{token}", "/upload/{object_id}"):
            app.router.add_options(path, self._preflight)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=QUIET_SECONDS,
            shutdown_timeout=1,
        )
        await runner.setup()
        host, port = self._settings.host, self._settings.port
        self._runner = runner
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                self._connection, host, port, ssl=self._settings.tls
            )
        except OSError as error:
            await self.stop()
            raise Conflict(
                f"the door cannot listen on {host} port {port}: {error.strerror}",
                resource="door",
                code="port",
                hint="set STOWAGE_AGENT_DOOR_LISTEN",
            ) from None
        self.port = self._listening.sockets[0].getsockname()[1]
        self._sweeping = asyncio.create_task(self._sweep(), name="door sweep")

    async def stop(self) -> None:
        """Break off what runs: its clients go on where they were; idempotent."""
        self._serving.peers.close()
        if self._sweeping:
            self._sweeping.cancel()
        if self._listening:
            self._listening.close()
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    def _connection(self) -> asyncio.Protocol:
        server = self._runner.server if self._runner else None
        most = self._settings.connections + self._settings.peers
        if server is None or len(server.connections) >= most:
            return _Full()
        made = server()
        self._silent[made] = asyncio.get_running_loop().time()
        return made

    async def _sweep(self) -> None:
        """Close connections whose first request does not come."""
        while True:
            await asyncio.sleep(QUIET_SECONDS / 3)
            late = asyncio.get_running_loop().time() - QUIET_SECONDS
            for connection in [each for each, opened in self._silent.items() if opened < late]:
                del self._silent[connection]
                connection.force_close()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Respond) -> web.StreamResponse:
        self._silent.pop(request.protocol, None)
        try:
            return await handler(request)
        except Exception as error:
            return self._refusal(request, error)

    async def _dress(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._common(request))

    def _refusal(self, request: web.Request, error: Exception) -> web.StreamResponse:
        problem = problem_of(error)
        if not isinstance(error, (StowageError, web.HTTPException, ConnectionError)):
            log.error("door.failed", code=problem.code, exc_info=error)
        else:
            log.info("door.refused", method=request.method, code=problem.code)
        return problem_reply(problem, error)

    def _common(self, request: web.Request) -> dict[str, str]:
        headers = {
            "Cache-Control": "private, no-store",
            "Referrer-Policy": "no-referrer",
            "Server": "stowage",
            "X-Content-Type-Options": "nosniff",
        }
        origin = request.headers.get("Origin", "")
        if origin and {origin, "*"} & set(self._settings.origins):
            headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": _EXPOSED,
                "Vary": "Origin",
            }
        return headers

    async def _download(self, request: web.Request) -> web.StreamResponse:
        link = self._serving.links.believe(request.match_info["token"], writes=False)
        return await serve(request, link, self._serving)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        link = self._serving.links.believe(request.match_info["token"], writes=True)
        return await self._uploads.tell(link)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        link = self._serving.links.believe(request.match_info["token"], writes=True)
        if self._taking.locked():
            raise Unavailable("as many uploads as it bears are running", code="busy")
        async with self._taking:
            return await self._uploads.take(request, link)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        link = self._serving.links.believe(posted_token(request), writes=True)
        check_posted(request, link)
        if self._taking.locked():
            raise Unavailable("as many uploads as it bears are running", code="busy")
        async with self._taking:
            return await self._uploads.take_form(request, link)

    async def _preflight(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT",
                "Access-Control-Allow-Headers": "Content-Range, Content-Type, If-Range, Range, "
                "X-Expires, X-Metadata, X-Signature",
                "Access-Control-Max-Age": "600",
            },
        )


class _Full(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
