"""What owners say of volumes and snapshots in these tests."""

from typing import Any, TypeVar

from api_gateway.deps import Deps
from stowage_contracts.message import Message
from stowage_contracts.values import Scope
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words

Bench = ServiceBench[Deps]
M = TypeVar("M", bound=Message)
READY: dict[str, Any] = {
    "name": "data",
    "format": "qcow2",
    "account_id": "admin",
    "scope": Scope.zone("z1"),
    "zones": [{"zone_id": "z1", "ready": True}],
    "ready": True,
    "size": 100,
    "virtual_size": 1000,
    "replicas": [],
}


def kept(store_id: str = "s1", role: str = "Image", state: str = "Ready") -> dict[str, Any]:
    return {"store_id": store_id, "role": role, "state": state}


async def only_said(bench: Bench, kind: type[M]) -> M:
    """The one message of a kind that the gateway said."""
    (found,) = await bench.said(kind)
    assert isinstance(found, kind)
    return found


async def cloud(bench: Bench) -> None:
    """Two zones with a store each, and a pool in the first."""
    for number in (1, 2):
        await bench.handle(words.zone(f"z{number}", f"zone {number}"), sequence=1)
        there = words.store(f"s{number}", scope=Scope.zone(f"z{number}"))
        await bench.handle(there, sequence=1)
    pool = words.store(
        "p1",
        role="Primary",
        scope=Scope(type="host", id="h1", zone_id="z1"),
        total_bytes=5000,
        used_bytes=1000,
        settings={"root": "/srv/pool"},
    )
    await bench.handle(pool, sequence=1)


async def volume(bench: Bench, key: str = "v1", sequence: int = 1, **changes: Any) -> None:
    """On an image store unless told otherwise."""
    told = words.volume(key, **{**READY, "replicas": [kept()], **changes})
    await bench.handle(told, sequence=sequence)


async def snapshot(bench: Bench, key: str = "n1", sequence: int = 1, **changes: Any) -> None:
    """On an image store unless told otherwise."""
    told = words.snapshot(key, **{**READY, "name": "snap", "replicas": [kept()], **changes})
    await bench.handle(told, sequence=sequence)
