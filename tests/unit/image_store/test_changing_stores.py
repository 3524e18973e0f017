"""Stores change while they serve: state, tags, settings, secrets."""

import json
from typing import Any

import pytest
from image_store.model.store_states import MAY, Mode, Verb, changed, check, probed, steps
from stowage_contracts.errors import Conflict, GrantRefused, StowageError, Unavailable
from stowage_contracts.messages.image_store import (
    ChangeStore,
    CopyRequested,
    ProbeStore,
    ReleaseGrants,
    RemoveStore,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
    StoreRemoved,
    TemplateChanged,
)
from stowage_contracts.values import StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.secrets import Sealer

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene, accepted

S = StoreState


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("state", list(S))
def test_every_verb_is_taken_in_its_states_and_refused_with_the_reason_in_others(
    verb: Verb, state: StoreState
) -> None:
    expected = {
        Verb.PLACE: {S.UP},
        Verb.WRITE: {S.UP},
        Verb.CONTINUE: {S.UP, S.DEGRADED},
        Verb.COMMIT: {S.UP, S.DEGRADED, S.READ_ONLY, S.DRAINING},
        Verb.TAKE: {S.UP, S.DEGRADED, S.READ_ONLY, S.DRAINING},
        Verb.READ: {S.UP, S.DEGRADED, S.READ_ONLY, S.DRAINING},
    }
    if state in expected[verb]:
        check(verb, state, "s1")
        return
    with pytest.raises(StowageError) as refused:
        check(verb, state, "s1")
    assert state in refused.value.cause
    assert state not in MAY[verb]


@pytest.mark.parametrize("wished", [S.UP, S.READ_ONLY, S.DRAINING, S.DISABLED])
@pytest.mark.parametrize("state", [S.UP, S.READ_ONLY, S.DRAINING, S.DISABLED])
def test_an_operator_takes_a_healthy_store_from_any_state_to_any(
    state: StoreState, wished: StoreState
) -> None:
    assert changed(state, wished) is wished


@pytest.mark.parametrize("wished", [S.ADDING, S.DEGRADED, S.REMOVED])
def test_health_and_removal_are_not_wished_for(wished: StoreState) -> None:
    with pytest.raises(Conflict):
        changed(S.UP, wished)


def test_a_store_that_is_being_added_is_not_changed() -> None:
    with pytest.raises(Conflict):
        changed(S.ADDING, S.READ_ONLY)


@pytest.mark.parametrize("wished", [S.UP, S.READ_ONLY])
def test_a_degraded_store_heals_by_a_probe_alone_and_to_what_was_wished(wished: StoreState) -> None:
    assert changed(S.DEGRADED, wished) is S.DEGRADED
    assert probed(S.DEGRADED, wished, good=False) is S.DEGRADED
    assert probed(S.DEGRADED, wished, good=True) is wished


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        (Mode.OPEN, Mode.MAINTAIN, ("maintain",)),
        (Mode.MAINTAIN, Mode.OPEN, ("cancel_maintain",)),
        (Mode.OPEN, Mode.DRAIN, ("drain",)),
        (Mode.DRAIN, Mode.OPEN, ("cancel_maintain",)),
        (Mode.MAINTAIN, Mode.DRAIN, ("cancel_maintain", "drain")),
        (Mode.DRAIN, Mode.MAINTAIN, ("maintain",)),
        (Mode.OPEN, Mode.OPEN, ()),
    ],
)
def test_a_life_cycle_is_led_from_what_it_was_told(
    told: Mode, now: Mode, expected: tuple[str, ...]
) -> None:
    assert steps(told, now) == expected


async def _change(scene: Scene, **what: Any) -> StoreView:
    await scene.bench.handle(ChangeStore(store_id="s1", **what))
    await scene.bench.run_intents()
    return await _view(scene)


async def _view(scene: Scene) -> StoreView:
    said = await scene.bench.said(StoreChanged, StoreDegraded)
    return said[-1].state  # type: ignore[attr-defined,no-any-return]


async def _lab(scene: Scene) -> None:
    """The lab's store, and every host in its scope told."""
    await scene.zone()
    await scene.store("s1", settings={"shelf": "lab"}, provider="lab")
    await scene.bench.run_intents()


async def test_a_probe_never_turns_a_read_only_store_up(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    assert (await _change(scene, state="ReadOnly")).state is S.READ_ONLY
    root = scene.folder / "s1"
    root.rename(scene.folder / "away")
    await _probe(scene)
    assert (await _view(scene)).state is S.DEGRADED
    (scene.folder / "away").rename(root)
    await _probe(scene)
    assert (await _view(scene)).state is S.READ_ONLY


async def _probe(scene: Scene) -> None:
    await scene.bench.handle(ProbeStore(store_id="s1"))
    await scene.bench.run_intents()


async def test_a_store_is_renamed_and_tagged(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    view = await _change(scene, name="gold", tags=("fast", "ssd"))
    assert (view.name, view.tags, view.state) == ("gold", ("fast", "ssd"), S.UP)
    assert (await _change(scene, state="ReadOnly")).tags == ("fast", "ssd")


async def test_a_read_only_store_gets_nothing_new(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await _change(scene, state="ReadOnly")
    await scene.bench.handle(scene.registration())
    view = (await scene.bench.said(TemplateChanged))[-1].state  # type: ignore[attr-defined]
    assert view.error.code.startswith("conflict")
    assert "ReadOnly" in view.error.cause


@pytest.mark.parametrize("state", ["ReadOnly", "Draining", "Disabled"])
async def test_no_write_begins_on_a_store_that_takes_none(scene: Scene, state: str) -> None:
    request = await scene.requested()
    await _change(scene, state=state)
    with pytest.raises(GrantRefused) as refused:
        await scene.redeem(request, request.destination.grant.id, size=10)
    assert refused.value.code == "grant.store_state"


async def test_a_write_that_is_whole_is_committed_on_a_read_only_store(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await _change(scene, state="ReadOnly")
    said = await scene.commit(request)
    assert [type(m).__name__ for m in said] == ["HopCommitted"]


async def test_new_secrets_serve_once_they_were_proven(scene: Scene, lab: LabProvider) -> None:
    await _lab(scene)
    request = await _registered(scene)
    await scene.redeem(request, request.destination.grant.id, size=10)
    lab.diary.key = "second"
    await _probe(scene)
    assert (await _view(scene)).state is S.DEGRADED
    view = await _change(scene, sealed=_sealed(scene, key="second"))
    assert view.state is S.UP
    assert view.error is None
    await scene.redeem(request, request.destination.grant.id, size=10)
    await _probe(scene)
    assert (await _view(scene)).state is S.UP


async def _registered(scene: Scene) -> CopyRequested:
    said = await scene.bench.handle(scene.registration())
    return next(m for m in said if isinstance(m, CopyRequested))


async def test_a_driver_that_was_replaced_stays_open_for_calls_under_way(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    lab.diary.key = "second"
    await _change(scene, sealed=_sealed(scene, key="second"))
    trials = lab.diary.closed
    await _probe(scene)
    assert lab.diary.closed == trials


def _sealed(scene: Scene, **secrets: str) -> str:
    public = scene.keys["stowage_seal_public_key_image_store"]
    return Sealer.seal(public, json.dumps(secrets).encode(), "image_data_store/s1")


async def test_wrong_secrets_are_told_and_the_old_ones_stay(scene: Scene, lab: LabProvider) -> None:
    await _lab(scene)
    view = await _change(scene, sealed=_sealed(scene, key="canary"))
    assert view.state is S.UP
    assert view.error is not None
    assert view.error.code == "unavailable.key"
    assert "canary" not in view.model_dump_json()
    await _probe(scene)
    view = await _view(scene)
    assert (view.state, view.error) == (S.UP, None)


async def test_settings_that_lead_to_another_place_are_not_taken(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    await _ready(scene, lab)
    view = await _change(scene, settings={"shelf": "elsewhere"})
    assert view.settings["shelf"] == "lab"
    assert view.error is not None
    assert "replicas" in view.error.cause
    assert (await _change(scene, settings={"capacity_bytes": 1 << 30})).settings == {
        "shelf": "lab",
        "capacity_bytes": 1 << 30,
    }


async def _ready(scene: Scene, lab: LabProvider) -> None:
    """Template t1 is Ready on the lab's store."""
    request = await _registered(scene)
    await scene.redeem(request, request.destination.grant.id, size=len(b"x"))
    await scene.complete(request, accepted())
    receipt = scene.receipt()
    lab.put(request.destination.key, bytes(receipt.size))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"settings": {"capacity_bytes": "much"}}, "invalid.store_settings"),
        ({"sealed": "box1.garbage"}, "invalid.secret"),
        ({"state": "Degraded"}, "conflict.transition"),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    scene: Scene, changes: dict[str, Any], code: str
) -> None:
    await _lab(scene)
    view = await _change(scene, name="other", **changes)
    assert view.error is not None
    assert view.error.code == code
    assert (view.name, view.state) == ("s1", S.UP)


async def test_a_life_cycle_is_called_in_order(scene: Scene, lab: LabProvider) -> None:
    await _lab(scene)
    assert lab.diary.did[:3] == ["initialize", "attach zone", "probe"]
    lab.diary.did.clear()
    for state in ("ReadOnly", "Disabled", "Draining", "Up"):
        await _change(scene, state=state)
    assert lab.diary.did == ["maintain", "cancel_maintain", "drain", "cancel_maintain"]
    await scene.bench.handle(RemoveStore(store_id="s1"))
    lab.diary.did.clear()
    await scene.bench.run_intents()
    assert lab.diary.did[-1:] == ["delete"]
    assert len(await scene.bench.said(StoreRemoved)) == 1


async def test_a_life_cycle_that_fails_shows_on_the_store_and_is_repeated(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    lab.diary.did.clear()
    lab.diary.failing["maintain"] = Unavailable("the array is away", code="array")
    view = await _change(scene, state="Disabled")
    assert view.error is not None
    assert view.error.code == "unavailable.array"
    await scene.pass_seconds(5)
    await scene.bench.run_intents()
    assert lab.diary.did == ["maintain", "maintain"]
    assert (await _view(scene)).error is None


async def test_a_store_that_is_not_ready_yet_is_made_ready_again(
    scene: Scene, lab: LabProvider
) -> None:
    lab.diary.failing["attach zone"] = Unavailable("the switch is busy")
    await _lab(scene)
    await scene.pass_seconds(5)
    await scene.bench.run_intents()
    assert "s1" in {m.state.id for m in await scene.bench.said(StoreAdded)}  # type: ignore[attr-defined]
    assert lab.diary.did[:5] == ["initialize", "attach zone", "initialize", "attach zone", "probe"]


async def test_a_disabled_store_is_not_touched_until_it_is_back(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    request = await _registered(scene)
    await scene.redeem(request, request.destination.grant.id, size=10)
    shelf = lab.shelves["lab"]
    await _change(scene, state="Disabled")
    await scene.bench.handle(ReleaseGrants(grant=request.destination.grant, epoch=1))
    await scene.bench.run_intents()
    assert len(shelf.parts) == 1
    await _change(scene, state="Up")
    await scene.pass_seconds(60)
    await scene.bench.run_intents()
    assert shelf.parts == {}


async def test_whoever_changed_the_state_the_life_cycle_hears_of_it(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    lab.diary.did.clear()
    async with scene.bench.tx() as tx:
        await tx.run("drain_store", "s1")
    await scene.bench.run_timers("tell-lifecycles")
    await scene.bench.run_intents()
    assert lab.diary.did == ["drain"]


async def test_what_a_refused_store_made_is_unmade(scene: Scene, lab: LabProvider) -> None:
    lab.diary.key = "another"
    await _lab(scene)
    assert lab.diary.did == ["initialize", "attach zone", "probe", "delete"]
    assert len(await scene.bench.said(StoreRejected)) == 1


async def test_hosts_that_come_and_go_are_told_to_stores_in_reach(
    scene: Scene, lab: LabProvider
) -> None:
    await _lab(scene)
    assert "connected h1" in lab.diary.did
    lab.diary.did.clear()
    await scene.pass_seconds(60)
    await scene.bench.run_timers("notice-silence")
    lab.diary.failing["disconnected h1"] = Unavailable("busy")
    await scene.bench.run_intents()
    await scene.pass_seconds(5)
    await scene.bench.run_intents()
    await scene.bench.handle(scene.joined(), source="agent/h1")
    await scene.bench.run_intents()
    assert lab.diary.did == ["disconnected h1", "disconnected h1", "connected h1"]
