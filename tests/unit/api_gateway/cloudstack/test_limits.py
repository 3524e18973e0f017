"""Limits and counts by the query API."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import AccountBytesCounted, CountAccountBytes
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.people import Person, domain, person

GIB = 1 << 30
NEW = {"name": "n", "url": "http://u/x", "format": "raw"}


@pytest.fixture
async def ada(cs: CloudStack) -> Person:
    return await person(cs, "ada", domainid=await domain(cs, "sales"))


async def bound(cs: CloudStack, kind: int, most: int, **whose: Any) -> dict[str, Any]:
    reply = await cs.call("updateResourceLimit", resourcetype=kind, max=most, **whose)
    assert reply.status == 200, reply
    limit: dict[str, Any] = reply.body["resourcelimit"]
    return limit


async def test_a_limit_is_set_told_and_taken_away(cs: CloudStack, ada: Person) -> None:
    whose = {"account": "ada", "domainid": ada.domain_id}
    limit = await bound(cs, 4, 3, **whose)
    assert limit == {
        "account": "ada",
        "domainid": ada.domain_id,
        "domain": "sales",
        "domainpath": "ROOT/sales",
        "resourcetype": "4",
        "resourcetypename": "template",
        "max": 3,
    }
    rows = await ada.cs.rows("listResourceLimits", "resourcelimit")
    assert {row["resourcetypename"]: row["max"] for row in rows} == {
        "volume": -1,
        "snapshot": -1,
        "template": 3,
        "secondary_storage": -1,
    }
    named = {"resourcetypename": "template", **whose}
    assert await cs.rows("listResourceLimits", "resourcelimit", **named) == [limit]
    await bound(cs, 4, -1, **whose)
    assert (await cs.rows("listResourceLimits", "resourcelimit", **named))[0]["max"] == -1


async def test_who_has_all_it_may_have_is_refused(cs: CloudStack, api: Api, ada: Person) -> None:
    await bound(cs, 4, 1, domainid=ada.domain_id)
    tenant = api.as_account(ada.cs.api_key)
    assert (await tenant.post("/v1/templates", NEW)).status == 202
    assert (await tenant.post("/v1/templates", NEW)).body["code"] == "conflict.account_limit"
    counted = await cs.rows(
        "updateResourceCount", "resourcecount", domainid=ada.domain_id, resourcetype=4
    )
    assert [row["resourcecount"] for row in counted] == [1]
    (account,) = await cs.rows("listAccounts", "account", id=ada.account_id, details="resource")
    assert (account["templatetotal"], account["templatelimit"]) == (1, "Unlimited")


async def test_who_asks_in_parallel_gets_no_more_either(
    cs: CloudStack, ada: Person, bench: ServiceBench[Deps]
) -> None:
    for said in (words.zone("z1"), words.store("s1")):
        await bench.handle(said, sequence=1)
    await bound(cs, 4, 4, account="ada", domainid=ada.domain_id)
    image = {"name": "n", "format": "QCOW2", "hypervisor": "KVM", "ostypeid": "1", "zoneid": "z1"}
    asked = {**image, "url": "http://images.example.org/x.qcow2"}
    answers = await asyncio.gather(*(ada.cs.call("registerTemplate", **asked) for _ in range(200)))
    assert Counter(answer.status for answer in answers) == {200: 4, 535: 196}
    refused = next(answer for answer in answers if answer.status == 535)
    assert (refused.body["errorcode"], refused.body["cserrorcode"]) == (535, 4370)


async def test_bytes_are_bounded_and_counted_by_image_store(
    cs: CloudStack, ada: Person, bench: ServiceBench[Deps]
) -> None:
    def counted(question: Message) -> Message:
        return AccountBytesCounted(
            account_id=ada.account_id, ready_bytes=GIB, reserved_bytes=1, max_bytes=5 * GIB
        )

    bench.bus.replies[CountAccountBytes] = counted
    whose = {"account": "ada", "domainid": ada.domain_id}
    await bound(cs, 11, 5, **whose)
    rows = await cs.rows("updateResourceCount", "resourcecount", resourcetype=11, **whose)
    assert rows[0]["resourcecount"] == 2
    await bound(cs, 11, -1, **whose)
    said = [m.model_dump() for m in await bench.said() if type(m).__name__ == "SetAccountLimit"]
    assert [told["max_bytes"] for told in said] == [5 * GIB, 5 * GIB, None]


async def test_nobody_raises_its_own_limit(cs: CloudStack, ada: Person) -> None:
    boss = await person(cs, "boss", domainid=ada.domain_id, accounttype=2)
    assert (await bound(boss.cs, 2, 1, account="ada", domainid=ada.domain_id))["max"] == 1
    refused = [
        (await ada.cs.call("updateResourceLimit", resourcetype=2, max=9), 432),
        (await boss.cs.call("updateResourceLimit", resourcetype=2, max=9), 531),
        (
            await boss.cs.call(
                "updateResourceLimit", resourcetype=2, max=9, domainid=boss.domain_id
            ),
            531,
        ),
        (await boss.cs.call("updateResourceLimit", resourcetype=2, max=9, domainid="root"), 531),
        (await cs.call("updateResourceLimit", resourcetype=1, max=9), 431),
        (await cs.call("updateResourceLimit", resourcetype=2, max=-2), 431),
        (await cs.call("updateResourceLimit", resourcetype=11, max=2, domainid="root"), 432),
    ]
    assert [reply.error[0] for reply, _ in refused] == [code for _, code in refused]
