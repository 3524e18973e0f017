"""What owners say of templates and ISOs in these tests."""

from typing import Any

from api_gateway.deps import Deps
from stowage_contracts.values import Scope
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack

Bench = ServiceBench[Deps]
NEW: dict[str, Any] = {
    "name": "debian",
    "displaytext": "Debian 12",
    "url": "https://images.example/debian.qcow2",
    "format": "QCOW2",
    "hypervisor": "KVM",
    "ostypeid": "os-1",
    "zoneid": "z1",
}
NEW_ISO: dict[str, Any] = {
    "name": "installer",
    "url": "https://images.example/debian.iso",
    "ostypeid": "os-1",
    "zoneid": "z1",
}
FAILED = {"code": "source.status", "title": "no", "cause": "the source answered 404"}


async def cloud(bench: Bench) -> None:
    """Two zones with a store each."""
    for number in (1, 2):
        await bench.handle(words.zone(f"z{number}", f"zone {number}"), sequence=1)
        there = words.store(f"s{number}", scope=Scope.zone(f"z{number}"))
        await bench.handle(there, sequence=1)


def replica(store_id: str = "s1", state: str = "Ready", **changes: Any) -> dict[str, Any]:
    return {"store_id": store_id, "role": "Image", "state": state, **changes}


def in_zones(**ready: bool) -> list[dict[str, Any]]:
    return [{"zone_id": zone, "ready": there} for zone, there in ready.items()]


async def registered(cs: CloudStack, **changes: Any) -> str:
    """Id of a new template."""
    reply = await cs.call("registerTemplate", **{**NEW, **changes})
    assert reply.status == 200, reply
    found: str = reply.body["template"][0]["id"]
    return found


async def owner_says(bench: Bench, key: str, sequence: int = 1, **changes: Any) -> None:
    """A template is as its owner tells; ready on s1 in z1 unless told otherwise."""
    fields = {
        "name": "debian",
        "format": "qcow2",
        "scope": Scope.zone("z1"),
        "ready": True,
        "size": 100,
        "virtual_size": 1000,
        "zones": in_zones(z1=True),
        "replicas": [replica()],
    }
    await bench.handle(words.template(key, **{**fields, **changes}), sequence=sequence)
