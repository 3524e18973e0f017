"""The seeds' own test: register a template and create a volume on it, on real servers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from stowage_client import Client

from tests.e2e.deployment import API_KEY
from tests.e2e.operator import Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.s3 import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_volume_is_created_on_a_template_kept_in_s3(
    operator: Operator, s3_store: str
) -> None:
    async with serving(Source(image(20 * MIB))) as source:
        made = await operator.register(source.url, checksum=source.sha256, store_ids=[s3_store])
        template = await operator.settle(f"templates/{made['id']}")
        assert template["ready"], template["error"]
        asked = await operator.copy(made["id"], volume_id="v1")
        copy = await operator.settle(f"copies/{asked['id']}")
    assert copy["state"] == "done", copy["error"]
    assert copy["strategy"] == "direct"
    assert len(copy["hops"]) == 1
    volume = Path(operator.deployment.folder / "pool1" / "v1.raw")
    assert volume.read_bytes() == source.content
    assert _debris(operator) == []


async def test_every_secret_stays_out_of_logs_and_answers(
    operator: Operator, s3_server: S3Server, s3_store: str
) -> None:
    async with serving(Source(image(MIB))) as source:
        url = source.url.replace("http://", "http://canary-user:canary-word@")
        made = await operator.register(url, store_ids=[s3_store])
        await operator.settle(f"templates/{made['id']}")
    told = "".join(path.read_text() for path in operator.deployment.folder.glob("*.log"))
    shown = str(await operator.call("GET", "stores")) + str(await operator.call("GET", "templates"))
    for canary in ("canary-word", s3_server.secret_key, "X-Amz-Signature"):
        assert canary not in told
        assert canary not in shown


async def test_two_askers_of_one_copy_share_one_transfer(operator: Operator) -> None:
    async with serving(Source(image(8 * MIB))) as source:
        made = await operator.register(source.url)
        assert (await operator.settle(f"templates/{made['id']}"))["ready"]
    first, second = [await operator.copy(made["id"]) for _ in range(2)]
    ends = [await operator.settle(f"copies/{asked['id']}") for asked in (first, second)]
    assert [end["state"] for end in ends] == ["done", "done"]
    pool = operator.deployment.folder / "pool1"
    assert (pool / f"{made['id']}.raw").read_bytes() == source.content
    assert first["id"] != second["id"]
    assert ends[0]["leader_id"] == ends[1]["leader_id"] or "already" in str(ends[1]["answers"])


async def test_a_wrong_checksum_is_refused_and_nothing_stays(operator: Operator) -> None:
    root = operator.deployment.folder / "s1"
    async with serving(Source(image(4 * MIB))) as source:
        made = await operator.register(source.url, checksum="sha256:" + "0" * 64)
        template = await operator.settle(f"templates/{made['id']}")
    assert not template["ready"]
    assert template["error"]["code"] == "image.checksum"
    assert template["error"]["hint"]
    assert not (root / "template" / "tmpl" / "admin" / made["id"]).exists()
    assert _debris(operator) == []


async def test_a_private_address_is_refused_unless_the_operator_opened_it(
    operator: Operator,
) -> None:
    made = await operator.register("http://10.255.255.1/disk.raw")
    template = await operator.settle(f"templates/{made['id']}")
    assert template["error"]["code"].startswith("source.")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("copies", {"template_id": "ghost", "store_id": "ghost"}, 404),
        ("templates", {"name": "x", "url": "http://h/x", "format": "floppy"}, 400),
        ("stores", {"name": "x", "provider": "foreign", "settings": {"secret_key": "k"}}, 400),
    ],
)
async def test_what_the_api_refuses_it_refuses_at_once(
    operator: Operator, path: str, body: dict[str, Any], status: int
) -> None:
    with pytest.raises(Refused) as refused:
        await operator.call("POST", path, body)
    assert refused.value.status == status
    assert refused.value.problem["code"]
    assert refused.value.problem["cause"]


async def test_every_event_of_a_subject_is_told_in_turn(operator: Operator) -> None:
    async with serving(Source(image(MIB))) as source:
        made = await operator.register(source.url)
        assert (await operator.settle(f"templates/{made['id']}"))["ready"]
    seen: dict[str, list[int]] = {}
    async with (
        Client(operator.deployment.url, API_KEY) as client,
        client.events(after="0-0") as stream,
    ):
        async with asyncio.timeout(30):
            async for event in stream:
                if event is None or not event.event:
                    continue  # live progress has no place
                mine = seen.setdefault(f"{event.source} {event.noun}/{event.id}", [])
                mine.append(event.sequence)
                if event.id == made["id"] and event.data.get("state", {}).get("ready"):
                    break
    counted = {key: numbers for key, numbers in seen.items() if any(numbers)}
    assert f"image-store template/{made['id']}" in counted
    assert counted == {key: [*range(1, len(numbers) + 1)] for key, numbers in counted.items()}


def _debris(operator: Operator) -> list[Path]:
    return [p for p in operator.deployment.folder.rglob("*.part*") if p.is_file()]
