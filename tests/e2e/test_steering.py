"""An operator pauses, slows down and hands over a copy, and empties a host, while bytes move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120), pytest.mark.slow]
SIZE = 48 * MIB


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosts(operator: Operator) -> AsyncIterator[Operator]:
    """``operator`` with a second host that sees the same store."""
    await operator.host("h2", "pool2")
    yield operator


async def until(
    operator: Operator, path: str, true: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = await operator.call("GET", path)
            if true(found):
                return found
            await asyncio.sleep(0.1)


async def moving(operator: Operator, source: Source) -> dict[str, Any]:
    """A template on its way to the store, its first bytes there."""
    made = await operator.register(source.url, checksum=source.sha256)
    await until(
        operator,
        f"copies/{made['copy_id']}",
        lambda copy: copy["state"] == "running" and copy["transfer"]["bytes_done"],
    )
    return made


async def ended(operator: Operator, made: dict[str, Any], source: Source) -> dict[str, Any]:
    """The copy once the template is Ready with the right bytes."""
    template = await operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    (stored,) = (Path(operator.deployment.folder) / "s1" / "template").rglob(f"{made['id']}.raw")
    assert stored.read_bytes() == source.content
    copy: dict[str, Any] = await operator.call("GET", f"copies/{made['copy_id']}")
    return copy


async def test_a_copy_is_paused_slowed_down_and_goes_on_elsewhere(hosts: Operator) -> None:
    async with serving(Source(image(SIZE), bytes_per_second=2 * MIB)) as source:
        made = await moving(hosts, source)
        path = f"copies/{made['copy_id']}"
        await hosts.call("POST", f"{path}/pause", {"reason": "busy link"})
        paused = await until(hosts, path, lambda copy: copy["state"] == "paused")
        first, sent = paused["hops"][0]["host_id"], source.sent
        other = {"h1": "h2", "h2": "h1"}[first]
        await hosts.call("PATCH", path, {"bytes_per_second": 256 * 1024, "priority": 10})
        await hosts.call("POST", f"{path}/reroute", {"host_id": other})
        await until(hosts, path, lambda copy: copy["priority"] == 10)
        assert source.sent <= sent + MIB
        await hosts.call("POST", f"{path}/resume")
        await until(hosts, path, lambda copy: copy["state"] == "running")
        source.bytes_per_second = 0
        await hosts.call("PATCH", path, {"bytes_per_second": 0})
        copy = await ended(hosts, made, source)
    assert (copy["hops"][0]["host_id"], copy["hops"][0]["epoch"]) == (other, 2)
    told = [moment["what"] for moment in copy["timeline"]]
    assert [what for what in told if what in {"paused", "yielded", "resumed", "done"}] == [
        "yielded",
        "paused",
        "resumed",
        "done",
    ]


async def test_a_drained_host_hands_over_what_it_moves(hosts: Operator) -> None:
    async with serving(Source(image(SIZE, seed=2), bytes_per_second=2 * MIB)) as source:
        made = await moving(hosts, source)
        copy = await hosts.call("GET", f"copies/{made['copy_id']}")
        first = copy["hops"][0]["host_id"]
        await hosts.call("POST", f"hosts/{first}/drain", {"reason": "new kernel"})
        drained = await until(
            hosts, f"hosts/{first}", lambda host: host["drain"] and not host["drain"]["hops_left"]
        )
        source.bytes_per_second = 0
        copy = await ended(hosts, made, source)
    assert drained["drain"]["reason"] == "new kernel"
    assert copy["hops"][0]["host_id"] not in {first, None}
    await hosts.call("DELETE", f"hosts/{first}/drain")
    await until(hosts, f"hosts/{first}", lambda host: host["drain"] is None)
