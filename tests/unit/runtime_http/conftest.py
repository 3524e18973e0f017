"""A small served table of routes, and a client for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import Field
from stowage_contracts.errors import NotAuthorized, NotFound, Unavailable
from stowage_contracts.values import Value
from stowage_runtime.http import EVENTS, Call, Reply, Route, Stream
from stowage_runtime.http.health import Check, health_routes
from stowage_runtime.http.openapi import openapi_route
from stowage_runtime.http.server import HttpLimits, HttpServer, Surface
from stowage_runtime.service import Desk
from stowage_runtime.telemetry import start_tracing


class Thing(Value):
    """What the routes take and give."""

    name: str = Field(min_length=1, examples=["disk"])
    size: int = Field(1, ge=0, description="Bytes.")


class Page(Value):
    """How a list is cut."""

    limit: int = Field(10, ge=1, le=100, description="Rows at most.")
    tag: tuple[str, ...] = ()


@dataclass
class World:
    """What the handlers see as their deps, and the tests look at."""

    streams_closed: int = 0
    slow_calls: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    checks: list[Check] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)


async def create(call: Call, _desk: Desk, _world: World) -> Thing:
    return cast(Thing, call.body)


async def listing(call: Call, _desk: Desk, _world: World) -> Thing:
    return Thing(name=",".join(call.query.tag) or "none", size=call.query.limit)


async def show(call: Call, _desk: Desk, _world: World) -> Reply:
    match call.path["id"]:
        case "missing":
            raise NotFound("no thing called missing", resource="thing/missing", hint="list them")
        case "away":
            raise Unavailable("the database does not answer", code="database")
        case "broken":
            raise RuntimeError("canary internals")
    return Reply(Thing(name=call.path["id"]), headers={"ETag": '"1"'})


async def whoami(call: Call, _desk: Desk, _world: World) -> Thing:
    return Thing(name=call.principal)


async def slow(_call: Call, _desk: Desk, world: World) -> Thing:
    world.slow_calls += 1
    await world.release.wait()
    return Thing(name="slow")


async def events(_call: Call, _desk: Desk, world: World) -> Stream:
    async def ticks() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: first\n\n"
            while not world.release.is_set():
                yield b": alive\n\n"
                await asyncio.sleep(0.01)
            raise RuntimeError("the stream broke")
        finally:
            world.streams_closed += 1

    return Stream(ticks())


async def authenticate(call: Call, _desk: Desk, _world: World) -> str:
    if call.headers.get("Authorization") != "Bearer good":
        raise NotAuthorized("unknown API key")
    return "admin"


def table(world: World) -> list[Route[World]]:
    rows: list[Route[World]] = [
        Route("POST", "/things", create, "Create", body=Thing, reply=Thing, status=201, auth=False),
        Route("GET", "/things", listing, "List", query=Page, reply=Thing, auth=False),
        Route("GET", "/things/{id}", show, "Show", reply=Thing, auth=False),
        Route("GET", "/me", whoami, "Who am I?", reply=Thing, tags=("accounts",)),
        Route("GET", "/slow", slow, "Slow", reply=Thing, auth=False),
        Route("GET", "/late", slow, "Too slow", reply=Thing, auth=False, seconds=0.05),
        Route("GET", "/events", events, "Events", auth=False, media=EVENTS),
        *health_routes(lambda: world.checks, lambda: world.stopped),
    ]
    return [*rows, openapi_route("Things", rows)]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def server(world: World) -> AsyncIterator[HttpServer[World]]:
    limits = HttpLimits(body_bytes=1000, body_seconds=0.2, stop_seconds=2)
    surface = Surface("things", table(world), lambda: cast(Any, None), world, authenticate, limits)
    running = HttpServer(surface, "127.0.0.1", 0)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(server: HttpServer[World]) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield session


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    start_tracing("test").add_span_processor(SimpleSpanProcessor(exporter))
    return exporter
