"""A small cloud in memory, as it is read from either schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stowage_client.importing.choosing import Choice, Chooser
from stowage_client.importing.records import Account, Copy, Store, Thing, World, Zone

CREATED = datetime(2013, 4, 5, 6, 7, 8, tzinfo=UTC)


def store(key: str = "s/1", **changes: Any) -> Store:
    told: dict[str, Any] = {
        "key": key,
        "id": f"id-{key[-1]}",
        "name": f"name {key[-1]}",
        "provider": "NFS",
        "url": "nfs://filer/export",
        "role": "Image",
        "zone": 1,
    }
    return Store(**told | changes)


def copy(store: str = "s/1", **changes: Any) -> Copy:
    told: dict[str, Any] = {
        "store": store,
        "path": "template/tmpl/2/203/a.qcow2",
        "state": "Ready",
        "download": "DOWNLOADED",
    }
    return Copy(**told | changes)


def thing(*copies: Copy, **changes: Any) -> Thing:
    told: dict[str, Any] = {
        "noun": "template",
        "number": 203,
        "id": "t1",
        "name": "centos",
        "account": 2,
        "created": CREATED,
        "state": "Active",
        "format": "QCOW2",
        "hypervisor": "KVM",
        "zones": (1,),
        "copies": copies or (copy(),),
    }
    return Thing(**told | changes)


def world(*stores: Store) -> World:
    return World(
        zones={1: Zone("z1", "one", removed=False), 2: Zone("z2", "two", removed=True)},
        accounts={2: Account("a1", "acme", "/lab/", removed=False)},
        stores={each.key: each for each in stores or (store(),)},
        pools=(),
    )


def chooser(*stores: Store, **changes: Any) -> Chooser:
    known = world(*stores)
    usable = {key: one.id for key, one in known.stores.items() if not one.removed}
    return Chooser(known, usable, **changes)


@dataclass
class FakeDatabase:
    """Only what a report tells of one."""

    dsn: Any


@dataclass
class FakeSource:
    """As Source, of things that are given."""

    world: World
    plans: dict[str, Any]
    things: list[Thing]
    pages: int = 0
    refused: frozenset[str] = field(default_factory=frozenset)

    def without(self, keys: frozenset[str]) -> FakeSource:
        self.refused = keys
        return self

    def choices(self, noun: str) -> Iterator[list[Choice]]:
        usable = {key: p.store.id for key, p in self.plans.items() if key not in self.refused}
        rules = Chooser(self.world, usable)
        found = [rules.choose(one) for one in self.things if one.noun == noun]
        for at in range(0, len(found), 70):
            self.pages += 1
            yield found[at : at + 70]
