"""A cache whose NFS server answers nobody: it alone stands still, and comes back."""

import asyncio
from collections.abc import Iterator

import pytest
from stowage_contracts.errors import GrantRefused, Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheReserved

from tests.contract.stores.nfs_store import NfsClient
from tests.servers.nfs import Nfs, Share, fresh_share
from tests.unit.cache_autoscaler.scene import Scene, image

DATA = image("t1")[1]
DEADLINE = 2


@pytest.fixture
def share(private_nfs: Nfs) -> Iterator[Share]:
    with fresh_share(private_nfs.exports()) as share:
        yield share


async def states(scene: Scene) -> dict[str, str]:
    rows = await scene.sql("SELECT id, state FROM cache_autoscaler.cache_stores")
    return {row["id"]: row["state"] for row in rows}


async def filled(scene: Scene, share: Share) -> CacheReserved:
    """An entry on cache ``dead``, which its copy still reads; cache ``well`` beside it."""
    settings = {"url": share.url, "deadline_seconds": DEADLINE}
    await scene.store("dead", provider="NFS", settings=settings)
    reply = await scene.reserve("c1", schemes=("nfs",))
    grant = (await scene.redeem(reply, reply.destination, "c1-1", size=len(DATA))).grant
    await NfsClient().write(grant, 0, DATA)
    await scene.bench.handle(scene.committing(reply, DATA, "c1-1"))
    await scene.intents()
    assert await scene.entries() == [("t1", "ready")]
    await scene.store("well")
    return reply


def place_of(reply: CacheReserved) -> tuple[str, str | None]:
    """What was answered, and on which store."""
    end = reply.destination or reply.source
    return str(reply.answer), end.store_id if end else None


async def test_a_frozen_server_stalls_no_other_cache_and_serves_again_when_it_answers(
    scene: Scene, private_nfs: Nfs, share: Share
) -> None:
    reply = await filled(scene, share)
    private_nfs.freeze()
    hung = asyncio.create_task(scene.redeem(reply, reply.source, "c1-2"))
    other = await scene.fill("c2", "t2")
    assert place_of(other) == ("fill", "well")
    assert await scene.read(other) == image("t2")[1]
    assert not hung.done()
    with pytest.raises(Unavailable):
        await hung
    await scene.intents()
    assert await states(scene) == {"dead": "Degraded", "well": "Up"}
    with pytest.raises(GrantRefused, match="Degraded"):
        await scene.redeem(reply, reply.source, "c1-2")
    assert place_of(await scene.reserve("c3", schemes=("nfs",))) == ("wait", None)
    elsewhere = await scene.reserve("c1", schemes=("nfs", "file"))
    assert place_of(elsewhere) == ("fill", "well")

    private_nfs.thaw()
    await scene.pass_seconds(11)
    await scene.bench.run_timers("probe-stores")
    await scene.intents()
    assert await states(scene) == {"dead": "Up", "well": "Up"}
    back = await scene.reserve("c4", schemes=("nfs",))
    read = await scene.redeem(back, back.source, "c4-1")
    assert await NfsClient().read(read.grant, 0, len(DATA)) == DATA
