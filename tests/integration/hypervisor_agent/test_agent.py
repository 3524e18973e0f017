"""The agent on a bus: joining, hops, commits, cancels, inspections, stopping."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypervisor_agent.engine.streams import HEAD
from hypervisor_agent.transports.journal import sidecar
from stowage_contracts.messages.data_motion import HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    CacheLoadReported,
    CancelHop,
    Heartbeat,
    HopFinished,
    HopProgressed,
    HostJoined,
    ListHops,
    ObjectInspected,
)
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_contracts.values import ImageFormat, StoreRole
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import (
    HOST,
    POOL,
    Cloud,
    commit,
    make_agent,
    pool_end,
    running,
    store_end,
    stored_end,
    url_end,
)
from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    file_grant,
    noise,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

DATA = noise(20 * MIB + 7)


def reads(source: Source) -> GrantRedeemed:
    """What the owner of a URL answers."""
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)


async def test_it_joins_with_its_pools_and_beats(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with running(make_agent(cloud, agent_bus, pool)):
        joined = await cloud.heard(HostJoined)
        beat = await cloud.heard(Heartbeat, 2)
    assert joined.boot_id == beat.boot_id
    assert [view.id for view in joined.pools] == [POOL]
    assert joined.abilities.roots == (str(pool),)
    assert joined.abilities.fetch


async def test_a_url_becomes_a_committed_volume(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        assert not (pool / "volumes" / "v1").exists()
        (pool / ".stowage" / f"{order.hop_id}.0.part").write_bytes(b"of an earlier generation")
        await cloud.send(commit(order, finished))
        committed = await cloud.heard(HopCommitted)
        await cloud.send(commit(order, finished))
        await cloud.heard(HopCommitted, 2)
        await cloud.heard(HopProgressed)
    assert committed.digest == tree_digest(DATA)
    assert (pool / "volumes" / "v1").read_bytes() == DATA
    assert not list((pool / ".stowage").glob("*.part*"))


async def test_a_commit_without_a_part_fails_the_hop(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        (pool / ".stowage" / "hop-1.1.part").unlink()
        await cloud.send(commit(order, finished))
        failed = await cloud.heard(HopCommitFailed)
    assert failed.error.code == "not_found"


async def test_a_receipt_of_another_hop_is_not_committed(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        await cloud.send(commit(order, finished).model_copy(update={"hop_id": "hop-2"}))
        failed = await cloud.heard(HopCommitFailed)
    assert failed.error.code == "conflict.part"


async def test_a_repeated_order_repeats_the_report_and_moves_nothing(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        first = await cloud.heard(HopFinished)
        asked = len(source.requests)
        await cloud.send(order)
        again = await cloud.heard(HopFinished, 2)
    assert again == first
    assert len(source.requests) == asked


async def test_an_older_epoch_is_ignored_and_a_newer_one_goes_on(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        newer = cloud.order(lambda _: reads(source), pool_end(pool), epoch=5)
        await cloud.send(newer)
        await cloud.heard(HopFinished)
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), epoch=4))
        sent = source.sent
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), epoch=6))
        last = await cloud.heard(HopFinished, 2)
    assert last.epoch == 6
    assert last.receipt is not None
    assert last.receipt.bytes_sent == 0
    assert source.sent <= sent + 1 + HEAD


async def test_a_cancelled_hop_leaves_no_part(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    source = Source(DATA, stalls_at=len(DATA) // 2)
    async with serving(source), running(make_agent(cloud, agent_bus, pool)) as agent:
        order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 0)
        cancel = CancelHop(hop_id="hop-1", host_id=HOST, epoch=1, destination=order.destination)
        await cloud.send(cancel)
        assert agent.deps.hops.running == ()
    assert list((pool / ".stowage").iterdir()) == []
    assert not [m for m in cloud.said if isinstance(m, HopFinished)]


async def test_a_cancelled_hop_leaves_nothing_on_another_owners_file_store(
    cloud: Cloud, agent_bus: Bus, pool: Path, tmp_path: Path
) -> None:
    store = tmp_path / "nfs"
    part = store / ".stowage" / "hop-1.1.part"
    part.parent.mkdir(parents=True)
    write = GrantRedeemed(grant_id="write", grant=file_grant(part, writes=True))
    cloud.grants["write"] = lambda _: write
    source = Source(DATA, stalls_at=len(DATA) // 2)
    agent = make_agent(cloud, agent_bus, pool, agent_roots=(str(store),))
    async with serving(source), running(agent):
        order = cloud.order(lambda _: reads(source), store_end(root=str(store)))
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 0)
        part.unlink()  # the owner was told before us
        cancel = CancelHop(hop_id="hop-1", host_id=HOST, epoch=1, destination=order.destination)
        await cloud.send(cancel)
        assert agent.deps.hops.running == ()
    assert list(part.parent.iterdir()) == []


async def test_a_part_deleted_under_the_copy_ends_it(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    source = Source(DATA, stalls_at=len(DATA) // 2)
    async with serving(source), running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 0)
        (pool / ".stowage" / "hop-1.1.part").unlink()
        source.stalls_at = None
        finished = await cloud.heard(HopFinished)
    assert finished.error is not None
    assert finished.error.code == "grant.gone"


async def test_a_stopped_agent_hands_back_and_the_next_one_goes_on(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    source = Source(DATA, stalls_at=len(DATA) - 100)
    async with serving(source):
        async with running(make_agent(cloud, agent_bus, pool)):
            order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
            await cloud.send(order)
            await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 16 * MIB)
        handed = await cloud.heard(HopFinished)
        assert handed.error is not None
        assert handed.error.code == "unavailable.agent_stopped"
        assert sidecar(pool / ".stowage" / "hop-1.1.part").exists()
        source.stalls_at = None
        async with running(make_agent(cloud, agent_bus, pool)):
            await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), epoch=2))
            finished = await cloud.heard(HopFinished, 2)
    assert finished.receipt is not None
    assert finished.receipt.digest == tree_digest(DATA)
    assert finished.receipt.bytes_sent <= len(DATA) - 16 * MIB


async def test_the_gate_judges_a_stored_object(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        cloud.grants["read"] = lambda _: reads(source)
        await cloud.send(cloud.inspection(ImageFormat.RAW))
        taken = await cloud.heard(ObjectInspected)
        await cloud.send(cloud.inspection(ImageFormat.QCOW2))
        refused = await cloud.heard(ObjectInspected, 2)
        source.status = 404
        await cloud.send(cloud.inspection(ImageFormat.RAW))
        unread = await cloud.heard(ObjectInspected, 3)
    assert taken.verdict is not None
    assert taken.verdict.accepted
    assert refused.verdict is not None
    assert refused.verdict.code == "image.format_mismatch"
    assert unread.error is not None
    assert unread.error.code == "source.not_found"


async def test_a_join_deletes_old_parts_of_dead_hops_only(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    import os

    folder = pool / ".stowage"
    folder.mkdir()
    for name in ("dead.1", "live.1", "young.1"):
        (folder / f"{name}.part").write_bytes(b"x")
    for name in ("dead.1", "live.1"):
        os.utime(folder / f"{name}.part", (1, 1))
    for debris in ("dead.2.part.new", "dead.2.part.journal", "live.1.part.new"):
        (folder / debris).write_bytes(b"{")
        os.utime(folder / debris, (1, 1))
    async with running(make_agent(cloud, agent_bus, pool)):
        await cloud.send(ListHops(host_id=HOST, live=("live",)))
        async with asyncio.timeout(5):
            while any(folder.glob("dead.*")):
                await asyncio.sleep(0.01)
    left = sorted(file.name for file in folder.iterdir())
    assert left == ["live.1.part", "live.1.part.new", "young.1.part"]


async def test_an_unknown_pool_fails_the_hop(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        end = pool_end(pool).model_copy(update={"store_id": "elsewhere"})
        await cloud.send(cloud.order(lambda _: reads(source), end))
        finished = await cloud.heard(HopFinished)
    assert finished.error is not None
    assert finished.error.code == "not_found.pool"


async def test_load_on_a_cache_is_reported(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    end = url_end().model_copy(update={"role": StoreRole.IMAGE_CACHE, "store_id": "cache-1"})
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), source=end))
        await cloud.heard(HopFinished)
        said = await cloud.heard(CacheLoadReported, fits=lambda m: m.loads[0].bytes_per_second > 0)
    assert said.loads[0].store_id == "cache-1"


async def test_a_refused_grant_ends_in_its_own_code(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(Source(b"")), pool_end(pool))
        del cloud.grants["read"]
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
    assert finished.error is not None
    assert finished.error.code == "grant.unknown"


async def test_an_expired_read_grant_is_redeemed_again(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    def store(_: RedeemGrant) -> GrantRedeemed:
        return GrantRedeemed(grant_id="read", grant=url_grant(source.url))

    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(store, pool_end(pool), source=stored_end())
        opened = asyncio.create_task(_expire_after(source, 2))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        await opened
    assert finished.receipt is not None
    assert len(cloud.redeemed) >= 2


async def _expire_after(source: Source, requests: int) -> None:
    async with asyncio.timeout(10):
        while len(source.requests) < requests:
            await asyncio.sleep(0)
    source.forbidden = 1
