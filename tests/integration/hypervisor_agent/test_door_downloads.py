"""Downloads through an agent's door."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypervisor_agent.links import opening
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.messages.hypervisor_agent import HostJoined
from stowage_runtime.bus import Bus
from stowage_runtime.secrets import encode
from stowage_runtime.signing import Signer

from tests.integration.fetch.test_fetching import self_signed
from tests.integration.hypervisor_agent.cloud import Cloud, make_agent
from tests.integration.hypervisor_agent.doors import links
from tests.integration.hypervisor_agent.kit import MIB, noise

DATA = noise(5 * MIB + 321)


@pytest.fixture
def root(pool: Path) -> Path:
    (pool / "image").write_bytes(DATA)
    return pool


async def test_the_whole_object_comes_under_its_name(
    cloud: Cloud, agent_bus: Bus, root: Path
) -> None:
    async with links(cloud, agent_bus, root) as door:
        async with door.http.get(door.reads("image", file_name='Dé "b".qcow2')) as answer:
            assert await answer.read() == DATA
        joined = await cloud.heard(HostJoined)
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"D___b_.qcow2\"; filename*=UTF-8''D%C3%A9%20%22b%22.qcow2"
    )
    assert answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "aiohttp" not in answer.headers["Server"]
    assert joined.abilities.door == "http://door.example"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        (f"bytes={4 * MIB}-", 4 * MIB, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        (f"bytes=-{9 * len(DATA)}", 0, len(DATA)),
        (f"bytes=5-{9 * len(DATA)}", 5, len(DATA)),
    ],
)
async def test_one_range_comes_as_asked(
    cloud: Cloud, agent_bus: Bus, root: Path, asked: str, start: int, end: int
) -> None:
    async with (
        links(cloud, agent_bus, root) as door,
        door.http.get(door.reads("image"), headers={"Range": asked}) as answer,
    ):
        body = await answer.read()
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert body == DATA[start:end]


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", f"bytes={len(DATA)}-", "bytes=-0"])
async def test_a_range_that_cannot_be_served_is_refused_with_the_length(
    cloud: Cloud, agent_bus: Bus, root: Path, asked: str
) -> None:
    async with (
        links(cloud, agent_bus, root) as door,
        door.http.get(door.reads("image"), headers={"Range": asked}) as answer,
    ):
        assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


async def test_head_tells_all_and_sends_nothing(cloud: Cloud, agent_bus: Bus, root: Path) -> None:
    async with links(cloud, agent_bus, root) as door:
        url = door.reads("image")
        async with door.http.head(url) as head, door.http.get(url) as got:
            assert head.status == 200
            same = ("Content-Length", "ETag", "Content-Disposition", "Accept-Ranges")
            assert [head.headers[name] for name in same] == [got.headers[name] for name in same]
            assert await head.read() == b""


async def test_conditions_are_kept(cloud: Cloud, agent_bus: Bus, root: Path) -> None:
    async def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with door.http.get(url, headers=sent) as answer:
            return answer.status

    async with links(cloud, agent_bus, root) as door:
        url = door.reads("image")
        async with door.http.head(url) as head:
            etag = head.headers["ETag"]
        assert await status(If_None_Match=etag) == 304
        assert await status(If_Match='"other"') == 412
        assert await status(If_Range=etag, Range="bytes=0-0") == 206
        assert await status(If_Range='"other"', Range="bytes=0-0") == 200


async def test_a_token_opens_one_object_one_way_for_its_time(
    cloud: Cloud, agent_bus: Bus, root: Path
) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    stranger = Signer(SecretStr(encode(Ed25519PrivateKey.generate().private_bytes_raw())))
    async with links(cloud, agent_bus, root) as door:
        good = door.reads("image").rpartition("/")[2]
        claims = opening.Links(
            door.agent.deps.door._verifier, cloud.identity().host_id, door.agent.deps.line
        ).believe(good, writes=False)
        forged = stranger.sign(claims.claims, claims.claims.expires).get_secret_value()
        bad = {
            door.url("o", door.token("image", expires=past)): 403,
            door.url("o", door.token("image", host_id="another")): 403,
            door.url("o", door.token("image", writes=True)): 403,
            door.url("o", forged): 403,
            door.url("o", good[:-3] + "abc"): 403,
            door.url("o", "nonsense"): 403,
            door.url("o", good) + "/more": 404,
            door.url("", ""): 404,
        }
        for url, status in bad.items():
            async with door.http.get(url) as answer:
                assert answer.status == status
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert good[:40] not in await answer.text()
        async with door.http.put(door.url("o", good), data=b"x") as answer:
            assert answer.status == 405
        async with door.http.get(door.url("o", door.token("image", grant_id="unknown"))) as answer:
            assert answer.status == 403


async def test_a_revoked_link_ends_while_it_is_served(
    cloud: Cloud, agent_bus: Bus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "RECHECK_SECONDS", 0.1)
    with (root / "image").open("r+b") as file:
        file.truncate(1 << 34)
    async with links(cloud, agent_bus, root) as door:
        url = door.reads("image")
        async with door.http.get(url) as answer:
            await answer.content.readexactly(MIB)
            door.revoked = True
            with pytest.raises(aiohttp.ClientPayloadError):
                await _drained(answer)
        async with door.http.get(url) as answer:
            assert answer.status == 403


async def _drained(answer: aiohttp.ClientResponse) -> None:
    while await answer.content.read(MIB):
        pass


async def test_a_receiver_that_takes_nothing_is_let_go(
    cloud: Cloud, agent_bus: Bus, root: Path
) -> None:
    with (root / "image").open("r+b") as file:
        file.truncate(1 << 34)
    async with links(cloud, agent_bus, root, agent_door_stall_seconds=0.3) as door:
        async with door.http.get(door.reads("image")) as answer:
            assert door.agent.door is not None
            runner = door.agent.door._runner
            assert runner is not None
            assert runner.server is not None
            async with asyncio.timeout(10):
                while runner.server.connections:
                    await asyncio.sleep(0.02)
        assert answer.status == 200


async def test_connections_too_many_are_closed_at_once(
    cloud: Cloud, agent_bus: Bus, root: Path
) -> None:
    async with links(cloud, agent_bus, root, agent_door_connections=1, agent_door_peers=1) as door:
        assert door.agent.door is not None
        port = door.agent.door.port
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        for _, each in (*held, (reader, writer)):
            each.close()


async def test_only_named_pages_may_use_links(cloud: Cloud, agent_bus: Bus, root: Path) -> None:
    page = "https://ui.example.org"
    async with links(cloud, agent_bus, root, agent_door_origins=(page,)) as door:
        url = door.reads("image")
        async with door.http.options(url, headers={"Origin": page}) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == page
            assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        async with door.http.get(url, headers={"Origin": page}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == page
            assert "Upload-Offset" in answer.headers["Access-Control-Expose-Headers"]
        async with door.http.get(url, headers={"Origin": "https://evil.example"}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_no_token_is_logged(
    cloud: Cloud, agent_bus: Bus, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with links(cloud, agent_bus, root) as door:
        url = door.reads("image")
        (root / "image").unlink()
        async with door.http.get(url) as answer:
            assert answer.status == 404
        async with door.http.get(url[:-1]) as answer:
            assert answer.status == 403
    said = "".join(capfd.readouterr())
    assert "door.refused" in said
    assert url.rpartition("/")[2][:40] not in said


async def test_with_a_certificate_it_speaks_tls_only(
    cloud: Cloud, agent_bus: Bus, root: Path, tmp_path: Path
) -> None:
    pem = self_signed(tmp_path / "door.pem")
    trusting = ssl.create_default_context(cafile=str(pem))
    trusting.check_hostname = False
    async with links(cloud, agent_bus, root, agent_door_cert=str(pem)) as door:
        url = door.reads("image")
        with pytest.raises(aiohttp.ClientError):
            await door.http.get(url)
        async with door.http.get(url.replace("http:", "https:"), ssl=trusting) as answer:
            assert await answer.read() == DATA


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"agent_door_listen": "nowhere"}, "door"),
        ({"agent_door_url": ""}, "door"),
        ({"agent_door_url": "ftp://door"}, "door"),
        ({"agent_door_cert": "/does/not/exist"}, "certificate"),
        ({"plaintext": False}, "plaintext"),
    ],
)
async def test_wrong_settings_are_named_at_the_start(
    cloud: Cloud, agent_bus: Bus, root: Path, wrong: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        async with links(cloud, agent_bus, root, **wrong):
            pass
    assert caught.value.code == f"invalid.{code}"


async def test_a_taken_address_is_a_conflict(cloud: Cloud, agent_bus: Bus, root: Path) -> None:
    async with links(cloud, agent_bus, root) as door:
        assert door.agent.door is not None
        taken = f"127.0.0.1:{door.agent.door.port}"
        with pytest.raises(Conflict) as caught:
            await make_agent(
                cloud, agent_bus, root, agent_door_listen=taken, agent_door_url="https://d"
            ).start()
    assert caught.value.code == "conflict.port"
