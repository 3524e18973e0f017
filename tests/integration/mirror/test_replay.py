"""A recorded stream of CloudStack's events comes to the same catalogue in any order."""

from __future__ import annotations

import json
import random
from typing import Any

import asyncpg
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    AddCluster,
    AddHost,
    AddPod,
    AddZone,
    CopyToZone,
    DeleteSnapshot,
    DeleteTemplate,
    DeleteVolume,
    RegisterTemplate,
    SnapshotChanged,
    TemplateChanged,
    VolumeChanged,
)
from stowage_contracts.values import Scope
from stowage_contracts.views import SnapshotView, TemplateView, VolumeView

from tests.integration.mirror import scenery
from tests.integration.mirror.cloudstack import CloudStack
from tests.integration.mirror.conftest import Mirror, opened
from tests.servers.databases import fresh_database
from tests.unit.api_gateway.words import CREATED

BATCH = 5
OUTCOMES = {
    ("template", scenery.REGIONAL): "registered",
    ("template", scenery.ZONAL): "registered",
    ("template", scenery.UNTOLD): "registered",
    ("template", scenery.ISO): "registered",
    ("template", scenery.DELETED): "deleted",
    ("template", scenery.DERIVED): "unfit",
    ("template", scenery.SYSTEM): "unfit",
    ("volume", scenery.VOLUME): "noted",
    ("volume", scenery.EXPUNGED): "deleted",
    ("snapshot", scenery.SNAPSHOT): "noted",
    ("snapshot", scenery.DESTROYED): "deleted",
}


async def seed(mirror: Mirror) -> None:
    """What the catalogue had before, and what then ends."""
    known = {"account_id": scenery.ACCOUNT, "name": "old", "scope": Scope.region()}
    about = {**known, "format": "qcow2", "created": CREATED, "ready": True}
    gone = TemplateView(id=scenery.DELETED, hypervisor="KVM", **about)
    await mirror.bench.handle(TemplateChanged(state=gone), sequence=1)
    volume = VolumeView(id=scenery.EXPUNGED, **about)
    await mirror.bench.handle(VolumeChanged(state=volume), sequence=1)
    snapshot = SnapshotView(id=scenery.DESTROYED, **about)
    await mirror.bench.handle(SnapshotChanged(state=snapshot), sequence=1)


async def replay(mirror: Mirror, order: int | None) -> None:
    """Shuffled, with repeats, and looks in between wherever chance puts them; or as recorded."""
    stream, chance = scenery.recorded(), random.Random(order)
    if order is not None:
        chance.shuffle(stream)
        stream += chance.sample(stream, 20)
    for start in range(0, len(stream), BATCH):
        await mirror.take(stream[start : start + BATCH])
        await mirror.look(chance.randrange(4) if order is not None else 0)
    await mirror.sweep()
    await mirror.settle()


async def outcome(mirror: Mirror, url: str) -> tuple[Any, Any]:
    """Everything shown and everything ordered, without what is random."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT * FROM api_gateway.resources ORDER BY noun, id")
    finally:
        await connection.close()
    shown = {}
    for row in rows:
        if row["noun"] != "copy":
            state = json.loads(row["state"])
            state.pop("created", None)
            shown[row["noun"], row["id"]] = (row["account_id"], state)
    return shown, {_order(each) for each in await mirror.said()}


def _order(message: Message) -> str:
    told = message.model_dump(mode="json")
    for name in ("copy_id", "sealed_url"):
        told.pop(name, None)
    return json.dumps({"type": type(message).__name__, **told}, sort_keys=True)


async def test_any_order_comes_to_the_same_catalogue(
    postgres_url: str, cloud: CloudStack, made_keys: dict[str, str]
) -> None:
    found = []
    for order in (None, 1, 2, 3):
        async with fresh_database(postgres_url) as url, opened(url, cloud, made_keys) as mirror:
            await seed(mirror)
            await replay(mirror, order)
            found.append(await outcome(mirror, url))
    assert all(each == found[0] for each in found[1:])
    shown, _orders = found[0]
    assert shown["template", scenery.REGIONAL][0] == scenery.ACCOUNT


async def test_each_thing_becomes_what_it_is_here(mirror: Mirror) -> None:
    await seed(mirror)
    await replay(mirror, None)
    said = await mirror.said()
    registered = {each.template_id: each for each in said if isinstance(each, RegisterTemplate)}
    assert registered.keys() == {scenery.REGIONAL, scenery.ZONAL, scenery.UNTOLD, scenery.ISO}
    regional = registered[scenery.REGIONAL]
    assert (regional.account_id, regional.admin) == (scenery.ACCOUNT, False)
    assert (regional.checksum, regional.scope.type) == (f"sha256:{scenery.SHA}", "region")
    zonal = registered[scenery.ZONAL]
    assert (zonal.hypervisor, zonal.format) == ("XenServer", "vhd")
    assert zonal.scope == Scope.zone(scenery.ZONES[0])
    assert [each.zone_id for each in said if isinstance(each, CopyToZone)] == [scenery.ZONES[1]]
    counts = {kind: sum(isinstance(each, kind) for each in said) for kind in PLACES}
    assert counts == {AddZone: 2, AddPod: 2, AddCluster: 2, AddHost: 2}
    for kind in (DeleteTemplate, DeleteVolume, DeleteSnapshot):
        assert any(isinstance(each, kind) for each in said), kind
    noted = await mirror.entities()
    told = {key: noted[key]["outcome"] for key in OUTCOMES}
    again = {key: "registered" for key, word in told.items() if word == "known"}
    assert {**told, **again} == OUTCOMES
    assert noted["volume", scenery.VOLUME]["account_id"] == scenery.ACCOUNT
    assert noted["cluster", scenery.uuid(29)]["outcome"] == "unfit"


PLACES = (AddZone, AddPod, AddCluster, AddHost)
