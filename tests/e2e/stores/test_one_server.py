"""Stores of one server copy from each other by themselves: real RGW, real Swift, by policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.stores.swift_store import LINK_KEY
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.stores.conftest import add, ready_on, until
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.swift_server import SwiftServer, fresh_container

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
WIDE = {"zone_id": None, "scope": "regionWide"}
SIZE = 40 * MIB
"""Several parts and segments."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def twins(
    operator: Operator, s3_server: S3Server, swift_server: SwiftServer
) -> AsyncIterator[Operator]:
    """Two buckets of one RGW, two containers of one Swift account."""
    async with (
        fresh_bucket(s3_server) as one,
        fresh_bucket(s3_server) as two,
        fresh_container(swift_server) as three,
        fresh_container(swift_server) as four,
    ):
        keys = {"access_key": s3_server.access_key, "secret_key": s3_server.secret_key}
        for store_id, bucket in (("s3-a", one), ("s3-b", two)):
            settings = {"endpoint": s3_server.endpoint, "bucket": bucket}
            await add(operator, store_id, "S3", settings | {"region": s3_server.region}, keys)
        told = {"key": swift_server.key, "temp_url_key": LINK_KEY}
        for store_id, container in (("swift-a", three), ("swift-b", four)):
            settings = {"auth_url": swift_server.auth_url, "user": swift_server.user}
            await add(operator, store_id, "Swift", settings | {"container": container}, told)
        yield operator


@pytest.mark.parametrize("kind", ["s3", "swift"])
async def test_the_server_makes_the_second_copy_and_an_agent_reads_it_back(
    twins: Operator, kind: str
) -> None:
    source, template, copy = await copied(twins, kind, seed=41)
    assert (copy["state"], copy["strategy"]) == ("done", "store-native")
    (hop,) = copy["hops"]
    assert (hop["method"], hop["host_id"], hop["state"]) == ("clone", None, "committed")
    assert {one["digest"] for one in template["replicas"]} == {copy["digest"]}
    await twins.call("DELETE", f"templates/{template['id']}/replicas/{kind}-a")
    assert await downloaded(twins, template["id"]) == source.content
    told = await twins.call("GET", f"copies/{copy['id']}/explain?what_if=true")
    assert [one["strategy"] for one in told["now"] if one["chosen"]] == ["store-native"]


async def test_a_policy_has_agents_carry_it_instead(twins: Operator) -> None:
    await twins.call("PUT", "motion-policies/default", {"forbid": ["store-native"]})
    try:
        _, template, copy = await copied(twins, "s3", seed=42)
    finally:
        await twins.call("DELETE", "motion-policies/default")
    assert (copy["strategy"], copy["hops"][0]["method"]) == ("direct", "copy")
    told = {one["strategy"]: one["reason"] for one in copy["answers"]}
    assert told["store-native"].endswith("forbidden by the default policy")
    assert len({one["digest"] for one in template["replicas"]}) == 1


async def copied(
    operator: Operator, kind: str, seed: int
) -> tuple[Source, dict[str, Any], dict[str, Any]]:
    """A template on the first of two twins, then on both; and the copy that made the second."""
    first, second = f"{kind}-a", f"{kind}-b"
    rule = {"name": kind, "store_ids": [first, second]}
    await operator.call("PUT", "placement-rules/only", rule)
    async with serving(Source(image(SIZE, seed))) as source:
        made = await operator.register(
            source.url, checksum=source.sha256, store_ids=[first], **WIDE
        )
        await ready_on(operator, made["id"], first)
    await operator.call("PATCH", f"templates/{made['id']}", {"min_copies": 2})
    template = await ready_on(operator, made["id"], first, second)
    (replica,) = [one for one in template["replicas"] if one["store_id"] == second]

    async def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = await operator.call("GET", f"copies/{replica['copy_id']}")
        return found if found["state"] in {"done", "failed", "cancelled"} else None

    return source, template, await until(ended, f"the copy to {second} ends")


async def downloaded(operator: Operator, template_id: str) -> bytes:
    """Its bytes, as anybody with a link gets them."""
    link = await operator.call("POST", f"templates/{template_id}/links", {"seconds": 60})
    made = await operator.call("GET", f"links/{link['id']}")
    async with aiohttp.ClientSession() as anybody, anybody.get(made["url"]) as response:
        return await response.read()
