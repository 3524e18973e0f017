"""Rules that are set, explained and kept; room that is never promised twice."""

import asyncio
from random import Random
from typing import Any

import pytest
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.errors import NotFound, OutOfSpace
from stowage_contracts.messages.image_store import (
    ChangeStore,
    CopyRequested,
    ExplainPlacement,
    PlacementExplained,
    PlacementRuleChanged,
    PlacementRuleRemoved,
    ProviderOffered,
    RemovePlacementRule,
    SetPlacementRule,
)
from stowage_contracts.values import ImageFormat, ObjectKind, ObjectRef, Scope, StoreRole
from stowage_runtime.bus import Rejected

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene
from tests.unit.image_store.shelves import Shelves

MIB = 1 << 20


@pytest.fixture
def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    return Shelves(scene, lab)


async def _stores(shelves: Shelves, **sizes: int) -> None:
    """Stores of zone z1 by name and capacity in bytes."""
    await shelves.scene.zone()
    for name, capacity in sizes.items():
        settings = {"shelf": name, "capacity_bytes": capacity}
        await shelves.scene.store(name, settings=settings, provider="lab")
    await shelves.settle()


def _rule(**changes: Any) -> SetPlacementRule:
    fields = {"id": "r1", "name": "gold things", "store_ids": ("s1",), **changes}
    return SetPlacementRule(rule=PlacementRule(**fields))


async def _explain(shelves: Shelves, **changes: Any) -> PlacementExplained:
    asked = {"format": "qcow2", "account_id": "acme", "scope": Scope.zone("z1"), **changes}
    reply = await shelves.scene.bench.ask(ExplainPlacement(**asked))
    assert isinstance(reply, PlacementExplained)
    return reply


def _chosen(explained: PlacementExplained) -> str | None:
    return next((one.store_id for one in explained.answers if one.chosen), None)


async def _placed(shelves: Shelves, template_id: str, **changes: Any) -> str | None:
    """Where a registration really went."""
    what = ObjectRef(kind=ObjectKind.TEMPLATE, id=template_id)
    message = shelves.scene.registration(
        template_id=template_id,
        copy_id=f"copy-{template_id}",
        sealed_url=shelves.scene.sealed("http://images.example/a", what),
        **changes,
    )
    said = await shelves.scene.bench.handle(message)
    return next((m.destination.store_id for m in said if isinstance(m, CopyRequested)), None)


async def test_a_rule_is_set_replaced_and_removed(shelves: Shelves) -> None:
    await _stores(shelves, s1=MIB, s2=2 * MIB)
    (said,) = await shelves.scene.bench.handle(_rule())
    assert isinstance(said, PlacementRuleChanged)
    assert _chosen(await _explain(shelves)) == "s1"
    await shelves.scene.bench.handle(_rule(store_ids=("s2",)))
    explained = await _explain(shelves)
    assert (explained.rule_id, _chosen(explained)) == ("r1", "s2")
    (gone,) = await shelves.scene.bench.handle(RemovePlacementRule(rule_id="r1"))
    assert isinstance(gone, PlacementRuleRemoved)
    assert (await _explain(shelves)).rule_id is None
    assert await shelves.scene.bench.handle(RemovePlacementRule(rule_id="r1")) == []


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"store_ids": ()}, Rejected),
        ({"store_ids": ("s1", "nowhere")}, NotFound),
        ({"store_ids": ("pool1",)}, NotFound),
        ({"min_size": 10, "max_size": 9}, Rejected),
    ],
)
async def test_a_rule_that_cannot_hold_is_refused(
    shelves: Shelves, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    await _stores(shelves, s1=MIB)
    with pytest.raises(refusal):
        await shelves.scene.bench.handle(_rule(**changes))
    async with shelves.scene.bench.tx() as tx:
        assert await tx.rows("placement_rules") == []


async def test_every_store_says_why_it_was_not_chosen(shelves: Shelves) -> None:
    await _stores(shelves, s1=MIB, s2=4 * MIB, s3=8 * MIB, s4=4 * MIB)
    await shelves.scene.bench.handle(ChangeStore(store_id="s3", state="ReadOnly"))
    await shelves.scene.bench.handle(_rule(store_ids=("s1", "s2", "s3")))
    told = {one.store_id: one for one in (await _explain(shelves, size=2 * MIB)).answers}
    assert told["s2"].chosen
    assert "wanted" in told["s1"].reason
    assert "ReadOnly" in told["s3"].reason
    assert "gold things" in told["s4"].reason


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_explained_is_what_happens(shelves: Shelves, seed: int) -> None:
    luck, sizes = Random(seed), (4 * MIB, 6 * MIB, 9 * MIB)
    await _stores(shelves, s1=sizes[0], s2=sizes[1], s3=sizes[2])
    for number in range(3):
        await shelves.scene.bench.handle(
            ChangeStore(store_id=f"s{number + 1}", tags=tuple(luck.sample(["fast", "cheap"], 1)))
        )
    for number in range(12):
        await _disturb(shelves, luck, number)
        wish = {
            "size": luck.choice([None, 1, MIB, 5 * MIB, 50 * MIB]),
            "tags": tuple(luck.sample(["gold", "silver"], luck.randint(0, 2))),
            "account_id": luck.choice(["acme", "umbrella"]),
            "format": luck.choice([ImageFormat.QCOW2, ImageFormat.RAW]),
        }
        foretold = _chosen(await _explain(shelves, **wish))
        assert await _placed(shelves, f"t{number}", **wish) == foretold


async def _disturb(shelves: Shelves, luck: Random, number: int) -> None:
    rule = _rule(
        id=f"r{number}",
        order=luck.randint(0, 3),
        accounts=luck.choice([(), ("acme",)]),
        tags=luck.choice([(), ("gold",)]),
        max_size=luck.choice([None, 2 * MIB]),
        store_ids=luck.choice([(), ("s1",), ("s2", "s3")]),
        store_tags=luck.choice([("fast",), ("cheap",)]),
    )
    await shelves.scene.bench.handle(rule)
    store_id, state = f"s{luck.randint(1, 3)}", luck.choice(["Up", "Up", "ReadOnly"])
    await shelves.scene.bench.handle(ChangeStore(store_id=store_id, state=state))


async def test_two_hundred_writers_never_get_a_byte_more_than_there_is(shelves: Shelves) -> None:
    capacity, luck = 10_000, Random(7)
    await _stores(shelves, s1=capacity)
    sizes = [luck.randint(1, 200) for _ in range(200)]
    requests = [await _request(shelves, f"t{number}") for number in range(len(sizes))]

    async def redeem(request: CopyRequested, size: int) -> int:
        try:
            await shelves.scene.redeem(request, request.destination.grant.id, size=size)
        except OutOfSpace:
            return 0
        return size

    got = await asyncio.gather(*map(redeem, requests, sizes))
    async with shelves.scene.bench.tx() as tx:
        store = await tx.row("store", "s1")
    assert store is not None
    room = int(capacity * 0.95)
    assert store["reserved"] == sum(got) <= room
    refused = [size for size, mine in zip(sizes, got, strict=True) if not mine]
    assert refused
    assert min(refused) > room - sum(got)


async def _request(shelves: Shelves, template_id: str) -> CopyRequested:
    before = len(await shelves.scene.bench.said(CopyRequested))
    assert await _placed(shelves, template_id) == "s1"
    made = (await shelves.scene.bench.said(CopyRequested))[before]
    assert isinstance(made, CopyRequested)
    return made


async def test_providers_are_offered_once_with_a_form_that_hides_secrets(
    shelves: Shelves, lab: LabProvider
) -> None:
    bench = shelves.scene.bench
    for _ in range(2):
        await bench.run_timers("offer-providers")
    offered = {m.state.id: m.state for m in await bench.said(ProviderOffered)}  # type: ignore[attr-defined]
    assert len(await bench.said(ProviderOffered)) == len(offered)
    assert {"lab", "s3", "directory", "memory"} <= set(offered)
    form = offered["s3"].settings
    assert form["properties"]["secret_key"]["writeOnly"]
    assert not form["properties"]["bucket"].get("writeOnly")
    assert offered["lab"].roles == LabProvider.roles


async def test_a_provider_with_another_form_is_offered_again(
    shelves: Shelves, lab: LabProvider
) -> None:
    bench = shelves.scene.bench
    await bench.run_timers("offer-providers")
    before = len(await bench.said(ProviderOffered))
    lab.roles = (*lab.roles, StoreRole.IMAGE_CACHE)
    await bench.run_timers("offer-providers")
    said = (await bench.said(ProviderOffered))[before:]
    assert [m.state.id for m in said] == ["lab"]  # type: ignore[attr-defined]
