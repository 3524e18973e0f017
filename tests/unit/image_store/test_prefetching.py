"""A prefetch is a copy onto a cache yet to be chosen; no replica of image-store changes."""

from typing import Any

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.messages.image_store import (
    AddHost,
    CopyRequested,
    DeleteTemplate,
    PrefetchObject,
    ReplicaFailed,
)
from stowage_contracts.values import Location, ObjectRef, Scope, ServiceName, StoreRole

from tests.unit.image_store.scene import DIGEST, Scene
from tests.unit.image_store.test_keeping import T1, ready, shown, states

__all__ = ["ready"]
POD = Scope(type="pod", id="p1")


def asked(scope: Scope, **changes: object) -> PrefetchObject:
    given = {"copy_id": "pre1", "account_id": "acme", "object": T1, "scope": scope}
    return PrefetchObject.model_validate(given | {"hold_seconds": 60.0} | changes)


async def requested(scene: Scene, scope: Scope = POD, **changes: object) -> CopyRequested:
    (said,) = await scene.bench.handle(asked(scope, **changes))
    assert isinstance(said, CopyRequested), said
    return said


async def readers(scene: Scene) -> int:
    """Grants by which replicas are being read."""
    rows = await scene.bench.database.fetch("busy_on_store", "s1")
    return len(rows)


async def test_the_source_is_described_and_the_cache_is_left_open(ready: Scene) -> None:
    request = await requested(ready)
    assert (request.source.store_id, request.digest) == ("s1", DIGEST)
    end = request.destination
    assert (end.role, end.store_id, end.schemes) == (StoreRole.IMAGE_CACHE, None, ())
    assert end.scope == Scope(type="pod", id="p1", zone_id="z1")
    assert end.grant.owner is ServiceName.CACHE_AUTOSCALER
    assert request.location == Location(zone_id="z1", pod_id="p1")
    assert request.hold_seconds == 60


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        (Scope.zone("z1"), Location(zone_id="z1")),
        (Scope(type="cluster", id="c1"), Location(zone_id="z1", pod_id="p1", cluster_id="c1")),
        (
            Scope(type="host", id="h1"),
            Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id="h1"),
        ),
    ],
    ids=lambda given: getattr(given, "type", ""),
)
async def test_every_scope_is_a_place(ready: Scene, scope: Scope, place: Location) -> None:
    assert (await requested(ready, scope)).location == place


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "the region": ({"scope": Scope.region()}, "invalid.scope"),
    "an unknown pod": ({"scope": Scope(type="pod", id="p9")}, "not_found"),
    "an unknown object": ({"object": ObjectRef(kind="iso", id="i9")}, "not_found"),
    "a zone no store reaches": ({"scope": Scope(type="host", id="far")}, "conflict.not_ready"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_can_not_be_prefetched_is_refused_with_a_reason(ready: Scene, case: str) -> None:
    await ready.bench.handle(AddHost(host_id="far", name="far", hypervisor="None"))
    changes, code = REFUSED[case]
    given: dict[str, Any] = {"scope": POD, **changes}
    (failed,) = await ready.bench.handle(asked(**given))
    assert isinstance(failed, ReplicaFailed)
    assert (failed.copy_id, failed.error.code) == ("pre1", code)


def ends(scene: Scene, request: CopyRequested) -> dict[str, Message]:
    view = scene.copy(request, "done")
    return {
        "done": scene.completed(request, None),
        "there already": CopyCompleted(
            state=view, object=T1, destination=request.destination, receipt=None
        ),
        "failed": CopyFailed(
            state=view, destination=request.destination, error=Unavailable("away").problem
        ),
        "cancelled": CopyCancelled(state=view, destination=request.destination, last=True),
    }


@pytest.mark.parametrize("end", ["done", "there already", "failed", "cancelled"])
async def test_its_end_ends_its_reading_and_changes_no_replica(ready: Scene, end: str) -> None:
    before = states(await shown(ready))
    request = await requested(ready)
    assert await readers(ready) == 1
    assert await ready.bench.handle(ends(ready, request)[end]) == []
    assert await readers(ready) == 0
    assert states(await shown(ready)) == before


async def test_who_leaves_a_shared_transfer_takes_no_grant_along(ready: Scene) -> None:
    first = await requested(ready)
    second = await requested(ready, copy_id="pre2")
    leaving = ready.copy(first, "cancelled")
    gone = CopyCancelled(state=leaving, destination=first.destination, last=False)
    await ready.bench.handle(gone)
    redeemed = await ready.redeem(first, first.source.grant.id)
    assert redeemed.digest == DIGEST
    done = ready.completed(second, None)
    shared = done.state.model_copy(update={"leader_id": first.copy_id})
    await ready.bench.handle(done.model_copy(update={"state": shared}))
    assert await readers(ready) == 0


async def test_a_deleted_template_is_prefetched_no_more(ready: Scene) -> None:
    await ready.bench.handle(DeleteTemplate(template_id="t1", account_id="acme"))
    (failed,) = await ready.bench.handle(asked(POD))
    assert isinstance(failed, ReplicaFailed)
