"""A CloudStack is taken over: its images stay where they lie, and are as good as our own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.contract.stores.swift_store import LINK_KEY
from tests.e2e.deployment import API_KEY
from tests.e2e.operator import POOL, ZONE, Operator
from tests.e2e.sources import MIB, image
from tests.e2e.stores.conftest import until
from tests.e2e.test_tutorial import Ended, Terminal
from tests.integration.importing.clouds import MODERN_EMPTY, PASSWORD, Cloud, fresh_cloud
from tests.servers.nfs import Nfs
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.swift_server import SwiftServer, fresh_container

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
DB_SECRET = "canary-of-the-database"
TWICE, ON_SWIFT, VOLUME = (image((3 + seed) * MIB, 80 + seed) for seed in range(3))
SNAPSHOT, ODD = image(2 * MIB, 84), image(1 * MIB, 85)
ROWS = """
UPDATE data_center SET uuid = '{zone}' WHERE id = 1;
UPDATE data_center SET removed = NOW() WHERE id = 2;
INSERT INTO image_store (id, name, image_provider_name, protocol, url, data_center_id, scope, role,
    uuid, created) VALUES
    (1, 'nfs', 'NFS', 'nfs', 'nfs://filer/one', 1, 'ZONE', 'Image', 'cs-nfs', NOW()),
    (2, 'rgw', 'S3', 'http', NULL, NULL, 'REGION', 'Image', 'cs-s3', NOW()),
    (3, 'swift', 'Swift', 'http', '{auth_url}', NULL, 'REGION', 'Image', 'cs-swift', NOW()),
    (4, 'share', 'SMB', 'cifs', 'cifs://win/share', 1, 'ZONE', 'Image', 'cs-share', NOW());
INSERT INTO image_store_details (store_id, name, value) VALUES (2, 'accesskey', '{access_key}'),
    (2, 'secretkey', '{secret_key}'), (2, 'endpoint', '{endpoint}'), (2, 'bucket', '{bucket}'),
    (2, 'usehttps', 'false'), (3, 'account', '{account}'), (3, 'username', '{user}'),
    (3, 'key', '{swift_key}');
INSERT INTO vm_template (id, unique_name, name, uuid, public, format, created, account_id, checksum,
    hypervisor_type, state) VALUES
    (201, 'u', 'twice', 't-twice', 1, 'RAW', '2019-02-03 04:05:06', 3, '{md5}', 'KVM', 'Active'),
    (202, 'u', 'on swift', 't-swift', 0, 'RAW', '2019-02-03 04:05:06', 3, NULL, 'KVM', 'Active'),
    (203, 'u', 'too short', 't-odd', 0, 'RAW', '2019-02-03 04:05:06', 3, NULL, 'KVM', 'Active'),
    (204, 'u', 'lost', 't-lost', 0, 'RAW', '2019-02-03 04:05:06', 3, NULL, 'KVM', 'Active');
INSERT INTO template_zone_ref (zone_id, template_id, created)
    SELECT 1, id, created FROM vm_template;
INSERT INTO template_store_ref (store_id, template_id, created, store_role, physical_size,
    download_state, install_path, state, destroyed) VALUES
    (1, 201, NOW(), 'Image', {twice}, 'DOWNLOADED', 'template/tmpl/3/201/a.raw', 'Ready', 0),
    (2, 201, NOW(), 'Image', {twice}, 'DOWNLOADED', 'template/tmpl/3/201', 'Ready', 0),
    (3, 202, NOW(), 'Image', 0, 'DOWNLOADED', 'T-202/b.raw', 'Ready', 0),
    (1, 203, NOW(), 'Image', 7, 'DOWNLOADED', 'template/tmpl/3/203/c.raw', 'Ready', 0),
    (1, 204, NOW(), 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/204/d.raw', 'Ready', 0);
INSERT INTO volumes (id, account_id, domain_id, name, uuid, size, data_center_id, volume_type,
    created, state, format) VALUES
    (6, 3, 2, 'uploaded', 'v-6', 1, 1, 'DATADISK', '2019-02-04 05:06:07', 'Uploaded', 'RAW');
INSERT INTO volume_store_ref (store_id, volume_id, zone_id, created, download_state, install_path,
    state, destroyed) VALUES (4, 6, 1, NOW(), 'UPLOADED', 'volumes/3/6/e.raw', 'Ready', 0);
INSERT INTO snapshots (id, data_center_id, account_id, domain_id, volume_id, status, name, uuid,
    snapshot_type, size, created, hypervisor_type) VALUES
    (31, 1, 3, 2, 6, 'BackedUp', 'backup', 's-31', 0, 1, '2019-02-05 06:07:08', 'KVM');
INSERT INTO snapshot_store_ref (store_id, snapshot_id, created, store_role, install_path, state)
    VALUES (2, 31, NOW(), 'Image', 'snapshots/3/6/f', 'Ready');
"""


@dataclass
class Shop:
    """A CloudStack with real stores, and an operator who takes it over."""

    operator: Operator
    cloud: Cloud
    terminal: Terminal
    options: str
    said: str = ""
    """Everything that was shown."""

    async def imports(self, more: str = "") -> Ended:
        ended = await self.terminal.stowage(f"import cloudstack {self.options} --json {more}")
        self.said += ended.out + ended.err
        return ended

    async def shown(self, noun: str) -> dict[str, Any]:
        found = await self.operator.call("GET", noun)
        return {one["id"]: one for one in found["items"]}


def sealed(text: str) -> str:
    """As CloudStack keeps it since 4.18."""
    nonce = secrets.token_bytes(12)
    key = hashlib.sha256(DB_SECRET.encode()).digest()
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, text.encode(), b"")).decode()


def put(root: Path, key: str, content: bytes) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1_500_000_000, 1_500_000_000))


@dataclass(frozen=True)
class Stores:
    """Where the cloud's images really lie."""

    nfs_url: str
    share: Path
    bucket: str
    container: str
    """Of our own, beside CloudStack's."""


@asynccontextmanager
async def filled(
    nfs: Nfs, share: Path, s3_server: S3Server, swift_server: SwiftServer
) -> AsyncIterator[Stores]:
    """Stores with CloudStack's images on them."""
    export = nfs.share("export").folder / secrets.token_hex(4)
    put(export, "template/tmpl/3/201/a.raw", TWICE)
    put(export, "template/tmpl/3/203/c.raw", ODD)
    put(share, "volumes/3/6/e.raw", VOLUME)
    async with (
        fresh_bucket(s3_server) as bucket,
        fresh_container(swift_server) as own,
        swift_server.account() as account,
        s3_server.client() as s3,
    ):
        for key, body in (("template/tmpl/3/201/u/a.raw", TWICE), ("snapshots/3/6/f", SNAPSHOT)):
            await s3.put_object(Bucket=bucket, Key=key, Body=body)
        await account.call("PUT", "T-202")
        await account.call("PUT", "T-202/b.raw", data=BytesIO(ON_SWIFT))
        yield Stores(nfs.url_of(f"export/{export.name}"), share, bucket, own)
        await account.wipe("T-202")


def rows(stores: Stores, s3_server: S3Server, swift_server: SwiftServer) -> str:
    """What CloudStack recorded of them."""
    account, _, user = swift_server.user.partition(":")
    return ROWS.format(
        zone=ZONE,
        auth_url=swift_server.auth_url,
        access_key=s3_server.access_key,
        secret_key=sealed(s3_server.secret_key),
        endpoint=s3_server.endpoint.partition("://")[2],
        bucket=stores.bucket,
        account=account,
        user=user,
        swift_key=sealed(swift_server.key),
        md5="{MD5}" + hashlib.md5(TWICE, usedforsecurity=False).hexdigest(),
        twice=len(TWICE),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    operator: Operator, servers: Any, s3_server: S3Server, swift_server: SwiftServer
) -> AsyncIterator[Shop]:
    mariadb = servers.exports("mariadb")["STOWAGE_TEST_MARIADB_URL"]
    nfs, share = servers.private("nfs"), operator.deployment.folder / "share"
    async with filled(nfs, share, s3_server, swift_server) as stores:
        with fresh_cloud(mariadb) as cloud:
            cloud.fill(*MODERN_EMPTY)
            cloud.does(rows(stores, s3_server, swift_server))
            told = {
                "PATH": "/usr/bin:/bin",
                "STOWAGE_URL": operator.deployment.url,
                "STOWAGE_API_KEY": API_KEY,
                "STOWAGE_IMPORT_DSN": cloud.dsn,
                "READER": PASSWORD,
                "DB_SECRET": DB_SECRET,
                "LINKS": LINK_KEY,
            }
            options = (
                "--password env:READER --db-secret env:DB_SECRET --store-secret "
                f"swift/temp_url_key=env:LINKS --set nfs:url={stores.nfs_url} --set "
                f"swift:container={stores.container} --set rgw:region={s3_server.region} "
                f"--store-at share={share}"
            )
            yield Shop(operator, cloud, Terminal(told, operator.deployment.folder), options)


@dataclass
class Told:
    """What the dry run and the first run said, and what the cloud looked like around them."""

    dry: Any
    after_dry: tuple[set[str], set[str]]
    """Templates and stores."""
    first: Ended
    checksums: tuple[Any, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(shop: Shop) -> Told:
    """A dry run, a run that is killed in the middle, and one that is not."""
    before = shop.cloud.checksums()
    dry = (await shop.imports("--dry-run")).json
    after_dry = set(await shop.shown("templates")), set(await shop.shown("stores"))
    killed = asyncio.create_task(shop.imports())

    async def begun() -> bool:
        return bool(set(await shop.shown("stores")) & {"cs-nfs", "cs-s3"})

    await until(begun, "the first store is added")
    killed.cancel()  # the terminal kills its command
    with pytest.raises(asyncio.CancelledError):
        await killed
    first = await shop.imports("--wait")
    return Told(dry, after_dry, first, (before, shop.cloud.checksums()))


async def test_a_dry_run_tells_everything_and_changes_nothing(told: Told) -> None:
    assert {one["id"]: one["action"] for one in told.dry["stores"]} == dict.fromkeys(
        ("cs-nfs", "cs-s3", "cs-swift", "cs-share"), "add"
    )
    takes = {noun: tally["take"] for noun, tally in told.dry["objects"].items()}
    assert takes == {"template": 4, "volume": 1, "snapshot": 1}
    assert told.after_dry == (set(), {"s1", POOL})


async def test_killed_in_the_middle_it_goes_on_when_run_again(told: Told) -> None:
    report = json.loads(told.first.out)
    assert report["outcome"]["progress"] == {"ready": 4, "failed": 2}, report
    assert {one["id"]: one["code"] for one in report["problems"]} == {
        "t-odd": "image.size",
        "t-lost": "not_found.object",
    }
    assert told.first.code == 1


async def test_the_source_is_as_it_was(told: Told) -> None:
    before, after = told.checksums
    assert after == before


async def test_what_was_taken_is_verified_and_keeps_its_facts(shop: Shop, told: Told) -> None:
    found = await shop.shown("templates") | await shop.shown("snapshots")
    assert {id for id, one in found.items() if one["ready"]} == {"t-twice", "t-swift", "s-31"}
    for one in found.values():
        assert one["ready"] == all(each["verified"] for each in one["replicas"])
        assert all(each["in_place"] for each in one["replicas"])
    twice = found["t-twice"]
    assert {one["store_id"] for one in twice["replicas"]} == {"cs-nfs", "cs-s3"}
    assert (twice["created"], twice["account_id"]) == ("2019-02-03T04:05:06Z", "a-acme")
    assert found["s-31"]["volume_id"] == "v-6"


@pytest.mark.parametrize(
    ("id", "content"), [("t-twice", TWICE), ("t-swift", ON_SWIFT)], ids=["nfs and s3", "swift"]
)
async def test_it_is_copied_to_a_pool_byte_for_byte(
    shop: Shop, told: Told, id: str, content: bytes
) -> None:
    copy = await shop.operator.copy(id, volume_id=f"vol-of-{id}")
    ended = await shop.operator.settle(f"copies/{copy['id']}")
    assert ended["state"] == "done", ended["error"]
    volume = shop.operator.deployment.folder / POOL / f"vol-of-{id}.raw"
    assert volume.read_bytes() == content


async def test_run_again_it_changes_nothing_and_brings_nothing_back(shop: Shop, told: Told) -> None:
    await shop.operator.call("DELETE", "volumes/v-6")

    async def gone() -> bool:
        found = await shop.operator.call("GET", "volumes/v-6")
        return bool(found["removed"] and not found["replicas"])

    await until(gone, "no store holds any of it")
    before = await shop.shown("templates"), await shop.shown("snapshots")
    report = json.loads((await shop.imports()).out)
    assert {one["action"] for one in report["stores"]} == {"known"}
    assert report["outcome"]["progress"] == {"ready": 3, "deleted": 1, "taken": 2}
    assert (await shop.shown("templates"))["t-twice"] == before[0]["t-twice"]
    assert await shop.shown("snapshots") == before[1]
    share = shop.operator.deployment.folder / "share"
    assert (share / "volumes/3/6/e.raw").read_bytes() == VOLUME


async def test_no_secret_is_ever_shown(shop: Shop, told: Told, s3_server: S3Server) -> None:
    logs = "".join(path.read_text() for path in shop.operator.deployment.folder.glob("*.log"))
    assert "span_id" in logs
    for secret in (DB_SECRET, PASSWORD, s3_server.secret_key, LINK_KEY):
        assert secret not in shop.said
        assert secret not in logs
