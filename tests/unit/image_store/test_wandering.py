"""Everything at once, in any order, twice and late: the record keeps to what is there."""

from random import Random

import pytest

from tests.unit.image_store.scene import Scene
from tests.unit.image_store.wanderer import STORES, Wanderer

_STEPS = 100


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_left_over_or_lied_about(scene: Scene, seed: int) -> None:
    wanderer = Wanderer(scene, Random(seed))
    await wanderer.begin()
    for _ in range(_STEPS):
        await wanderer.step()
    await wanderer.settle()
    replicas = await wanderer.replicas()
    assert {ref["state"] for ref in replicas} <= {"Ready", "Failed"}, wanderer.log
    assert [ref["id"] for ref in replicas if ref["reserved"]] == []
    gone = "SELECT id FROM grants WHERE state = 'active' AND ref_id NOT IN (%s)"
    known = "SELECT id FROM object_store_ref"
    assert await wanderer.rows(gone % known) == []
    assert await wanderer.lies() == []
    for store_id in STORES:
        files = {one for one in scene.leftovers(store_id) if not one.startswith(".stowage/")}
        paths = {ref["install_path"] for ref in replicas if ref["store_id"] == store_id}
        assert files <= paths, wanderer.log
    views = await wanderer.views()
    for name in {ref["object_id"] for ref in replicas}:
        there = {(r["store_id"], r["state"]) for r in replicas if r["object_id"] == name}
        assert views[name] == there, wanderer.log
