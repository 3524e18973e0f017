"""One region-wide template on RGW, Swift and NFS: read once, kept whole, moved off, told truly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.operator import ZONE, Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.stores.conftest import add_swift, ready_on, until
from tests.servers.nfs import Nfs
from tests.servers.swift_server import SwiftServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
WIDE = {"zone_id": None, "scope": "regionWide"}


async def register(operator: Operator, source: Source, *stores: str) -> dict[str, Any]:
    made = await operator.register(
        source.url, checksum=source.sha256, store_ids=list(stores), **WIDE
    )
    return await ready_on(operator, made["id"], *stores)


def stored(nfs_server: Nfs, template_id: str) -> Path:
    found = nfs_server.share("export").folder.rglob(f"{template_id}.raw")
    (file,) = [path for path in found if ".stowage" not in path.parts]
    return file


async def test_one_registration_reads_its_source_once_and_fills_every_store(
    three: Operator,
) -> None:
    async with serving(Source(image(24 * MIB, 31))) as source:
        template = await register(three, source, "rgw", "swift", "nfs")
        assert source.sent <= len(source.content) * 1.1
    assert len({one["digest"] for one in template["replicas"]}) == 1
    assert {"zone_id": ZONE, "ready": True} in template["zones"]


async def test_a_zone_that_comes_later_sees_it_with_no_call(three: Operator) -> None:
    async with serving(Source(image(2 * MIB, 32))) as source:
        template = await register(three, source, "rgw")
    await three.call("POST", "zones", {"id": "z9", "name": "later"})

    async def look() -> bool:
        answer = await three.call("POST", f"templates/{template['id']}/zones", {"zone_id": "z9"})
        return bool(answer["already_available"])

    await until(look, "the new zone sees it")


async def test_a_flipped_byte_is_found_and_mended_without_the_internet(
    three: Operator, nfs_server: Nfs
) -> None:
    async with serving(Source(image(8 * MIB, 33))) as source:
        template = await register(three, source, "nfs", "rgw")
    file = stored(nfs_server, template["id"])
    good = file.read_bytes()
    file.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    await three.call("POST", f"templates/{template['id']}/replicas/nfs/verify")
    before = one_on(template, "nfs")["updated"]

    async def mended() -> bool:
        found = await three.call("GET", f"templates/{template['id']}")
        replica = one_on(found, "nfs")
        return replica is not None and replica["state"] == "Ready" and replica["updated"] > before

    await until(mended, "the replica is whole again")
    assert stored(nfs_server, template["id"]).read_bytes() == good


def one_on(template: dict[str, Any], store_id: str) -> Any:
    found = [one for one in template["replicas"] if one["store_id"] == store_id]
    return found[0] if found else None


async def test_a_stopped_server_is_told_and_its_store_heals(
    three: Operator, nfs_server: Nfs
) -> None:
    async def state_is(state: str) -> bool:
        await three.call("POST", "stores/nfs/probe")
        return bool((await three.call("GET", "stores/nfs"))["state"] == state)

    nfs_server.stop()
    await until(lambda: state_is("Degraded"), "the store is degraded")
    assert (await three.call("GET", "stores/nfs"))["error"]["hint"]
    assert (await three.call("GET", "stores/rgw"))["state"] == "Up"
    async with serving(Source(image(2 * MIB, 34))) as source:
        await register(three, source, "rgw")
    nfs_server.start()
    await until(lambda: state_is("Up"), "the store is healed")


async def test_a_template_deleted_while_its_store_is_away_stays_until_it_is_gone(
    three: Operator, nfs_server: Nfs
) -> None:
    async with serving(Source(image(2 * MIB, 35))) as source:
        template = await register(three, source, "nfs")
    file = stored(nfs_server, template["id"])
    nfs_server.stop()
    try:
        await three.call("DELETE", f"templates/{template['id']}")

        async def hidden() -> bool:
            found = await three.call("GET", f"templates/{template['id']}")
            return bool(found["removed"] and one_on(found, "nfs")["state"] == "Destroying")

        await until(hidden, "it is hidden and being deleted")
        assert file.exists()
    finally:
        nfs_server.start()

    async def gone() -> bool:
        return not file.exists()

    await until(gone, "its bytes are gone")


async def test_links_of_every_store_give_the_bytes_and_end_when_revoked(three: Operator) -> None:
    async with serving(Source(image(2 * MIB, 36))) as source:
        for store in ("rgw", "swift"):
            template = await register(three, source, store)
            link = await three.call("POST", f"templates/{template['id']}/links", {"seconds": 60})
            made = await three.call("GET", f"links/{link['id']}")
            async with aiohttp.ClientSession() as anybody:
                async with anybody.get(made["url"]) as response:
                    assert await response.read() == source.content
                async with anybody.put(made["url"], data=b"x") as response:
                    assert response.status in {401, 403, 405}
            await three.call("DELETE", f"links/{link['id']}")
            with pytest.raises(Refused) as refused:
                await three.call("GET", f"links/{link['id']}")
            assert refused.value.status == 410


async def test_a_store_is_emptied_and_removed_while_a_copy_reads_it(
    three: Operator, swift_container: str, swift_server: SwiftServer
) -> None:
    await add_swift(three, swift_server, swift_container, "old")
    async with serving(Source(image(16 * MIB, 37))) as source:
        template = await register(three, source, "old")
        plan = await three.call("GET", "stores/old/evacuation-plan")
        assert [move["object"]["id"] for move in plan["moves"]] == [template["id"]]
        copy = await three.copy(template["id"], volume_id="v37")
        await three.call("POST", "stores/old/evacuate", {"remove": True})
        ended = await three.settle(f"copies/{copy['id']}")
        assert ended["state"] == "done", ended["error"]

    async def removed() -> bool:
        try:
            found = await three.call("GET", "stores/old")
        except Refused as refused:
            return refused.status == 404
        return bool(found["state"] == "Removed")

    await until(removed, "the store is gone")
    found = await three.call("GET", f"templates/{template['id']}")
    assert found["ready"]
    assert one_on(found, "old") is None
    async with swift_server.account() as account:
        assert await account.names(swift_container) == []
    volume = three.deployment.folder / "pool1" / "v37.raw"
    assert volume.read_bytes() == source.content
