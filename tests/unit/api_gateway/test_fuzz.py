"""Whatever comes in, the answer is never a 500; the description of the surface is valid."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from api_gateway.__main__ import wire
from api_gateway.routes import ROUTES
from api_gateway.settings import Settings
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, SecretStr
from stowage_runtime.http import EVENTS
from stowage_runtime.http.openapi import document
from stowage_runtime.http.server import HttpServer
from stowage_runtime.testing.bench import ServiceBench

from tests.servers.databases import fresh_database
from tests.unit.api_gateway import caches, words
from tests.unit.api_gateway.api import Answer, Api
from tests.unit.api_gateway.conftest import ADMIN_KEY, surface

ODD = st.sampled_from(
    ["", "\0", "a", "../..", "\ud7ff", "é" * 300, "0-0", "-1", "9" * 40, "NaN", "1e999", "z1"]
)
TEXT = st.one_of(ODD, st.text(max_size=20))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)
QUERIES = sorted(
    {name for route in ROUTES if route.query is not None for name in route.query.model_fields}
)
GOOD = {
    "id": st.sampled_from(["z1", "p1", "t1"]),
    "name": st.just("name"),
    "url": st.just("http://images/disk"),
    "format": st.just("raw"),
    "provider": st.just("S3"),
    "zone_id": st.just("z1"),
    "pod_id": st.just("p1"),
    "template_id": st.just("t1"),
    "store_id": st.just("p1"),
    "hypervisor": st.just("KVM"),
    "role": st.just("Image"),
    "scope": st.sampled_from(["region", "zone", "regionWide", "perZone"]),
    "state": st.just("ReadOnly"),
    "settings": st.just({"bucket": "b"}),
    "store_ids": st.just(["s1"]),
    "size": st.just(1),
    "min_copies": st.just(1),
    "max_copies": st.just(2),
    "tags": st.just(["gold"]),
    "kind": st.sampled_from(["template", "iso", "volume", "snapshot"]),
    "finding_ids": st.just(["f1"]),
    "seconds": st.just(60),
    "token": st.just("token"),
    "scope_id": st.just("z1"),
    "caches": st.just("always"),
    "caches_of": st.just({"KVM": "never"}),
    "demand": st.just([{"seconds": 0, "wanted_bytes": 1}]),
    "vm": st.just({"clients": ["10.0.0.0/8"]}),
}


def bodies(model: type[BaseModel] | None) -> st.SearchStrategy[Any]:
    """Anything, and things that look much like what is wanted."""
    if model is None:
        return st.none()
    fields = {name: st.one_of(GOOD.get(name, JSON), JSON) for name in model.model_fields}
    return st.one_of(JSON, st.fixed_dictionaries({}, optional=fields))


BODIES = {route: bodies(route.body) for route in ROUTES if route.media != EVENTS}


@dataclass
class Gateway:
    """A served gateway on an event loop of its own, as hypothesis is not asynchronous."""

    runner: asyncio.Runner
    api: Api

    def call(self, method: str, path: str, body: bytes | None, key: str) -> Answer:
        return self.runner.run(self.api.call(method, path, body, Idempotency_Key=key))


@pytest.fixture(scope="module")
def gateway(made_keys: dict[str, str], postgres_url: str) -> Iterator[Gateway]:
    async def start() -> Api:
        url = await stack.enter_async_context(fresh_database(postgres_url))
        key = SecretStr(ADMIN_KEY)
        settings = Settings.read(database_url=SecretStr(url), admin_api_key=key, **made_keys)
        bench = await stack.enter_async_context(ServiceBench.open(wire(settings), url))
        bench.bus.replies.update({**words.ANSWERS, **caches.ANSWERS})
        await bench.handle(words.pool("p1"), sequence=1)
        await bench.handle(words.store("s1"), sequence=1)
        await bench.handle(words.template("t1", ready=True), sequence=1)
        await bench.handle(words.zone("z1"), sequence=1)
        await bench.handle(caches.fleet("z1"), sequence=1)
        server = HttpServer(surface(bench), "127.0.0.1", 0)
        await server.start()
        stack.push_async_callback(server.stop)
        base = f"http://127.0.0.1:{server.port}"
        return Api(await stack.enter_async_context(aiohttp.ClientSession(base)), ADMIN_KEY)

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield Gateway(runner, runner.run(start()))
        finally:
            runner.run(stack.aclose())


@given(data=st.data())
@limits(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_ends_in_a_500(gateway: Gateway, data: st.DataObject) -> None:
    names = st.sampled_from(QUERIES)
    for route, bodies in BODIES.items():
        query = data.draw(st.dictionaries(names, TEXT, max_size=1))
        ids = data.draw(st.sampled_from(["z1", "%00", "%FF", "a%2Fb", "t1", "s1"]))
        place = re.sub(r"\{\w+\}", ids, route.path)
        path = f"{place}?{urlencode(query, errors='replace')}"
        body = json.dumps(data.draw(bodies)).encode() if route.body else None
        key = data.draw(st.sampled_from(["", "", "k", "x" * 300]))
        answer = gateway.call(route.method, path, body, key)
        told = answer.body if answer.status >= 400 else {}
        assert answer.status < 500 or told["code"] == "unavailable.enrolment", (path, told)
        assert not told or {"code", "title", "cause", "hint"} <= set(told)


def test_the_description_of_every_route_is_valid() -> None:
    described = document("Stowage", ROUTES)
    OpenAPIV31SpecValidator(described).validate()
    names = [op["operationId"] for path in described["paths"].values() for op in path.values()]
    assert len(names) == len(set(names)) == len(ROUTES)
