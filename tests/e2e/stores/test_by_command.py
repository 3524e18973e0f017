"""A new user's way with the `stowage` command: stores added, broken, healed, one removed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.stores.swift_store import LINK_KEY
from tests.e2e.deployment import API_KEY
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.stores.conftest import WRONG, until
from tests.e2e.test_tutorial import Ended, Terminal
from tests.servers.nfs import Nfs
from tests.servers.s3 import S3Server
from tests.servers.s3_users import change_key, fresh_user
from tests.servers.swift_server import SwiftServer, fresh_container

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.slow]
STORES = ("rgw", "swift", "nfs")


@dataclass
class Shop:
    """What the user has: a terminal, a bucket of its own user, an export of its own server."""

    terminal: Terminal
    user: S3Server
    nfs: Nfs
    folder: Path
    """Of store ``nfs``, on the server's own disk."""

    async def does(self, line: str) -> Ended:
        """A command that must succeed."""
        ended = await self.terminal.stowage(line)
        assert ended.code == 0, ended.err or ended.out
        return ended

    async def template(self, name: str, source: Source, *stores: str) -> Any:
        """A region-wide one, Ready on these stores."""
        where = " ".join(f"--store {store}" for store in stores)
        await self.does(
            f"template add {name} {source.url} --id {name} -f raw --region {where} "
            f"--checksum {source.sha256} --wait"
        )
        return await self.ready(name, *stores)

    async def ready(self, name: str, *stores: str) -> Any:
        """The template once it is Ready on exactly these."""

        async def look() -> Any:
            found = (await self.does(f"template show {name} --json")).json
            states = {one["store_id"]: one["state"] for one in found["replicas"]}
            return found if states == dict.fromkeys(stores, "Ready") else None

        return await until(look, f"{name} on {stores}")

    async def state_of(self, store: str, state: str) -> Any:
        """The store once it is in that state, probed again and again."""

        async def look() -> Any:
            await self.does(f"store probe {store}")
            found = (await self.does(f"store show {store} --json")).json
            return found if found["state"] == state else None

        return await until(look, f"{store} is {state}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    operator: Operator, s3_server: S3Server, swift_server: SwiftServer, nfs_server: Nfs
) -> AsyncIterator[Shop]:
    deployment = operator.deployment
    async with fresh_user(s3_server) as user, fresh_container(swift_server) as container:
        bucket = f"test-{secrets.token_hex(6)}"  # it goes with its user
        async with user.client() as s3:
            await s3.create_bucket(Bucket=bucket)
        told = {
            "PATH": "/usr/bin:/bin",
            "STOWAGE_URL": deployment.url,
            "STOWAGE_API_KEY": API_KEY,
            "ACCESS_KEY": user.access_key,
            "SECRET_KEY": user.secret_key,
            "SWIFT_KEY": swift_server.key,
            "TEMPURL_KEY": LINK_KEY,
            "WRONG": WRONG,
        }
        name = secrets.token_hex(4)
        folder = nfs_server.share("export").folder / name
        folder.mkdir()
        shop = Shop(Terminal(told, deployment.folder), user, nfs_server, folder)
        await shop.does(
            f"store add rgw --id rgw -p S3 --set endpoint={user.endpoint} --set bucket={bucket} "
            f"--set region={user.region} "
            "--secret access_key=env:ACCESS_KEY --secret secret_key=env:SECRET_KEY"
        )
        await shop.does(
            f"store add swift --id swift -p Swift --set auth_url={swift_server.auth_url} "
            f"--set user={swift_server.user} --set container={container} "
            "--secret key=env:SWIFT_KEY --secret temp_url_key=env:TEMPURL_KEY"
        )
        await shop.does(
            f"store add nfs --id nfs -p NFS --set url={nfs_server.url_of(f'export/{name}')}"
        )
        yield shop


async def test_one_registration_fills_all_three(shop: Shop) -> None:
    async with serving(Source(image(12 * MIB, 71))) as source:
        template = await shop.template("golden", source, *STORES)
        assert source.sent <= len(source.content) * 1.1
    assert len({one["digest"] for one in template["replicas"]}) == 1
    listed = (await shop.does("template list")).out
    assert ["golden", "golden", "template", "raw", "ready"] in [
        line.split()[:5] for line in listed.splitlines()
    ]


async def test_a_wrong_checksum_is_refused_with_its_reason(shop: Shop) -> None:
    wrong = f"sha256:{'0' * 64}"
    async with serving(Source(image(MIB, 72))) as source:
        ended = await shop.terminal.stowage(
            f"template add lie {source.url} --id lie -f raw --region --store rgw --store nfs "
            f"--checksum {wrong} --wait"
        )
    assert ended.code == 1
    assert "(template/lie)" in ended.err
    assert "declared" in ended.err or "checksum" in ended.err, ended.err


async def test_a_flipped_byte_is_told_and_mended(shop: Shop) -> None:
    async with serving(Source(image(4 * MIB, 73))) as source:
        await shop.template("flipped", source, "nfs", "swift")
    (file,) = [p for p in shop.folder.rglob("flipped.raw") if ".stowage" not in p.parts]
    with file.open("r+b") as opened:
        opened.seek(1000)
        opened.write(bytes([source.content[1000] ^ 1]))
    ended = await shop.terminal.stowage("template verify flipped nfs --wait")
    assert ended.code == 1
    assert ended.err.startswith("error: conflict.damaged (store/nfs)")

    async def mended() -> bool:
        return file.exists() and file.read_bytes() == source.content

    await until(mended, "it is whole again")
    await shop.ready("flipped", "nfs", "swift")
    again = await shop.does("template verify flipped nfs --wait")
    assert again.out.strip() == "the replica on nfs is what it should be"


async def test_a_stopped_server_is_told_and_heals(shop: Shop) -> None:
    shop.nfs.stop()
    try:
        told = await shop.state_of("nfs", "Degraded")
        assert told["error"]["hint"]
    finally:
        shop.nfs.start()
    assert (await shop.state_of("nfs", "Up"))["error"] is None


async def test_a_rotated_key_is_told_and_given(shop: Shop, s3_server: S3Server) -> None:
    async with serving(Source(image(2 * MIB, 74))) as source:
        await shop.template("keyed", source, "rgw")
    rotate = "store rotate rgw --secret access_key=env:ACCESS_KEY --secret secret_key=env:"
    refused = await shop.terminal.stowage(f"{rotate}WRONG")
    assert refused.code == 1
    assert refused.err.startswith("error: unavailable.secret_key (store/rgw)")
    await shop.does("template verify keyed rgw --wait")
    shop.user = await change_key(s3_server, shop.user)
    shop.terminal.environment["NEW_KEY"] = shop.user.secret_key
    told = await shop.state_of("rgw", "Degraded")
    assert told["error"]["code"] == "unavailable.secret_key"
    await shop.does(f"{rotate}NEW_KEY")
    await shop.state_of("rgw", "Up")
    await shop.does("template verify keyed rgw --wait")


async def test_a_full_store_refuses_and_heals(shop: Shop) -> None:
    await shop.does(f"store add small --id small -p NFS --set url={shop.nfs.url_of('small')}")
    filler = shop.nfs.share("small").folder / "filler"
    filler.write_bytes(bytes(7 * MIB))
    await shop.does("store probe small")
    async with serving(Source(image(4 * MIB, 75))) as source:
        add = f"template add {{}} {source.url} --id {{}} -f raw --region --store small --wait"
        refused = await shop.terminal.stowage(add.format("full", "full"))
        assert refused.code == 1
        assert "out_of_space" in refused.err.splitlines()[0], refused.err
        filler.unlink()
        await shop.state_of("small", "Up")
        await shop.does(add.format("fits", "fits"))
    await shop.does("store evacuate small --remove --follow")


async def test_a_store_is_emptied_and_removed_while_copies_run(shop: Shop) -> None:
    folder = shop.folder.parent / f"{shop.folder.name}-old"
    folder.mkdir()
    url = shop.nfs.url_of(f"export/{folder.name}")
    await shop.does(f"store add old --id old -p NFS --set url={url}")
    async with serving(Source(image(24 * MIB, 76))) as source:
        await shop.template("moved", source, "old")
    plan = await shop.does("store evacuate old --plan")
    assert "template/moved" in plan.out
    await shop.does("copy start moved pool1 --id c76")
    ended = await shop.does("store evacuate old --remove --follow")
    assert ended.out.splitlines()[-1] == "old is removed"
    copied = await shop.terminal.stowage("copy watch c76")
    assert copied.code == 0, copied.err
    pool = shop.terminal.data / "pool1" / "moved.raw"
    assert await asyncio.to_thread(pool.read_bytes) == source.content
    found = (await shop.does("template show moved --json")).json
    assert found["ready"]
    assert "old" not in {one["store_id"] for one in found["replicas"]}
    left = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert left <= {".done"}, "nothing but markers of commits"
