"""What is public or shared is read and used by others, and changed by nobody but its owner."""

import pytest
from api_gateway.cloudstack.describing import Change, Subject, describe, share
from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]


@pytest.mark.parametrize("public", [True, False])
async def test_others_read_and_use_it(api: Api, bench: Bench, public: bool) -> None:
    (_, mine), (other, others), (third, _) = [await account(api) for _ in range(3)]
    await bench.handle(words.template("t1", account_id=mine, ready=True), sequence=1)
    await bench.handle(words.pool("pool"), sequence=1)
    assert (await other.get("/v1/templates/t1")).status == 404
    async with bench.desk.transaction() as tx:
        if public:
            await describe(Subject("template", "t1", mine), Change(public=True), tx)
        else:
            await share("template", "t1", [others], tx)
    assert (await other.get("/v1/templates/t1")).body["account_id"] == mine
    wanted = {"template_id": "t1", "store_id": "pool"}
    assert (await other.post("/v1/copies", wanted)).status == 202
    assert (await third.get("/v1/templates/t1")).status == (200 if public else 404)
    assert (await third.post("/v1/copies", wanted)).status == (202 if public else 404)
    before = len(await bench.said())
    changes = [
        await other.delete("/v1/templates/t1"),
        await other.call("PATCH", "/v1/templates/t1", {"name": "new"}),
        await other.post("/v1/templates/t1/zones", {"zone_id": "z1"}),
        await other.post("/v1/templates/t1/links", {}),
    ]
    assert [answer.status for answer in changes] == [404] * 4
    assert len(await bench.said()) == before
