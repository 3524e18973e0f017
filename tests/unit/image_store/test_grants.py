"""Grants: who may redeem what, how often, until when."""

import pytest
from stowage_contracts.errors import GrantRefused, NotFound, OutOfSpace
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.image_store import CopyRequested, ReleaseGrants
from stowage_runtime import keys

from tests.unit.image_store.scene import Scene


async def test_a_url_is_redeemed_with_the_fetchers_rules(scene: Scene) -> None:
    request = await scene.requested()
    reply = await scene.redeem(request, request.source.grant.id)
    assert reply.grant.uri is not None
    assert reply.grant.uri.get_secret_value().startswith("http://user:canary@")
    assert "canary" not in repr(reply)
    assert reply.rules is not None
    assert reply.rules.allow == ()


async def test_a_write_is_redeemed_as_a_part_of_its_writer(scene: Scene) -> None:
    request = await scene.requested()
    grant = (await scene.redeem(request, request.destination.grant.id, size=10)).grant
    assert grant.writes
    assert grant.uri is not None
    assert "hop1.1" in grant.uri.get_secret_value()


@pytest.mark.parametrize(
    ("source", "changes"), [("agent/h2", {}), ("api-gateway", {}), ("agent/h2", {"host_id": "h1"})]
)
async def test_a_foreign_agent_gets_nothing(
    scene: Scene, source: str, changes: dict[str, object]
) -> None:
    request = await scene.requested()
    with pytest.raises(GrantRefused):
        await scene.redeem(request, request.destination.grant.id, source=source, **changes)


async def test_a_forged_ticket_gets_nothing(scene: Scene) -> None:
    request = await scene.requested()
    scene.keys.update(keys.make())
    with pytest.raises(GrantRefused):
        await scene.redeem(request, request.destination.grant.id)


async def test_a_ticket_opens_only_its_own_grants(scene: Scene) -> None:
    request = await scene.requested()
    other = request.source.grant.model_copy(update={"id": "other"})
    with pytest.raises(GrantRefused):
        await scene.redeem(
            request, request.destination.grant.id, source_grant=other, destination_grant=other
        )


async def test_an_unknown_grant_is_not_found(scene: Scene) -> None:
    request = await scene.requested()
    ghost = request.source.grant.model_copy(update={"id": "ghost"})
    with pytest.raises(NotFound):
        await scene.redeem(request, "ghost", source_grant=ghost)


async def test_an_older_epoch_is_superseded(scene: Scene) -> None:
    request = await scene.requested()
    await scene.redeem(request, request.destination.grant.id, epoch=2)
    with pytest.raises(GrantRefused) as refused:
        await scene.redeem(request, request.destination.grant.id, epoch=1)
    assert refused.value.code == "grant.superseded"


async def test_bytes_are_reserved_exactly_when_their_number_is_known(scene: Scene) -> None:
    request = await scene.requested()
    await scene.redeem(request, request.destination.grant.id, size=12345)
    await scene.redeem(request, request.destination.grant.id, size=12345)
    async with scene.bench.tx() as tx:
        store = await tx.row("store", "s1")
    assert store is not None
    assert store["reserved"] == 12345


async def test_more_bytes_than_the_store_has_are_refused(scene: Scene) -> None:
    request = await scene.requested()
    with pytest.raises(OutOfSpace):
        await scene.redeem(request, request.destination.grant.id, size=1 << 60)


async def test_a_released_write_is_revoked_and_its_part_deleted(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.bench.handle(ReleaseGrants(grant=request.destination.grant, epoch=1))
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []
    with pytest.raises(GrantRefused):
        await scene.redeem(request, request.destination.grant.id)


async def test_a_commit_said_twice_is_answered_twice_and_done_once(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    first = await scene.commit(request)
    again = await scene.bench.handle(_commit(scene, request, epoch=1))
    assert [type(m) for m in first] == [HopCommitted]
    assert [type(m) for m in again] == [HopCommitted]


async def test_a_commit_of_an_older_epoch_is_ignored(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.redeem(request, request.destination.grant.id, epoch=2)
    assert await scene.bench.handle(_commit(scene, request, epoch=1)) == []
    assert await scene.bench.intents("commit") == []


async def test_a_commit_of_too_few_bytes_says_how_many_are_there(scene: Scene) -> None:
    request = await scene.requested()
    await scene.redeem(request, request.destination.grant.id, size=10)
    (failed,) = await scene.commit(request)
    assert isinstance(failed, HopCommitFailed)
    assert failed.error.code == "conflict.size"


def _commit(scene: Scene, request: CopyRequested, epoch: int) -> CommitHop:
    return CommitHop(
        hop_id="hop1",
        copy_id="copy1",
        epoch=epoch,
        destination=request.destination,
        receipt=scene.receipt(),
    )


async def test_a_commit_of_an_unknown_write_is_answered(scene: Scene) -> None:
    request = await scene.requested()
    ghost = request.destination.grant.model_copy(update={"id": "ghost"})
    destination = request.destination.model_copy(update={"grant": ghost})
    commit = _commit(scene, request, epoch=1).model_copy(update={"destination": destination})
    (failed,) = await scene.bench.handle(commit)
    assert isinstance(failed, HopCommitFailed)
    assert failed.error.code == "not_found.grant"
