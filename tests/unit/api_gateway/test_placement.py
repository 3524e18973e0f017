"""Placement rules are kept by their owner and read back at once; explanations are asked for."""

from typing import Any

from api_gateway.deps import Deps
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.messages.image_store import (
    ExplainPlacement,
    PlacementRuleRemoved,
    RemovePlacementRule,
    SetPlacementRule,
)
from stowage_contracts.values import Scope
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]
RULE: dict[str, Any] = {
    "name": "gold",
    "order": 5,
    "kinds": ["template", "iso"],
    "formats": ["qcow2"],
    "accounts": ["a1"],
    "zones": ["z1"],
    "tags": ["gold"],
    "min_size": 1,
    "max_size": 10,
    "store_ids": ["s1"],
    "store_tags": ["fast"],
}


async def test_a_rule_is_read_at_once_and_its_owner_told(api: Api, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    await bench.handle(words.zone("z1"), sequence=1)
    made = await api.call("PUT", "/v1/placement-rules/r1", RULE)
    assert (made.status, made.body) == (202, {"id": "r1", **RULE})
    assert (await api.get("/v1/placement-rules/r1")).body == made.body
    assert (await api.get("/v1/placement-rules")).body["items"] == [made.body]
    rule = PlacementRule.model_validate({"id": "r1", **RULE})
    assert await bench.said() == [SetPlacementRule(rule=rule)]


async def test_a_rule_is_replaced_until_its_owner_speaks(api: Api, bench: Bench) -> None:
    await bench.handle(words.rule("r1", name="old"), sequence=3)
    await api.call("PUT", "/v1/placement-rules/r1", {"name": "new"})
    assert (await api.get("/v1/placement-rules/r1")).body["name"] == "new"
    await bench.handle(words.rule("r1", name="late"), sequence=2)
    assert (await api.get("/v1/placement-rules/r1")).body["name"] == "new"
    await bench.handle(words.rule("r1", name="true"), sequence=4)
    assert (await api.get("/v1/placement-rules/r1")).body["name"] == "true"


async def test_a_removed_rule_is_not_found(api: Api, bench: Bench) -> None:
    await bench.handle(words.rule("r1"), sequence=1)
    assert (await api.delete("/v1/placement-rules/r1")).status == 202
    assert await bench.said() == [RemovePlacementRule(rule_id="r1")]
    gone = PlacementRuleRemoved(state=PlacementRule(id="r1", name="rule"))
    await bench.handle(gone, sequence=2)
    assert (await api.get("/v1/placement-rules/r1")).status == 404
    assert (await api.delete("/v1/placement-rules/r1")).status == 404
    assert (await api.get("/v1/placement-rules")).body["items"] == []
    await api.call("PUT", "/v1/placement-rules/r1", {"name": "again"})
    assert (await api.get("/v1/placement-rules/r1")).body["name"] == "again"


async def test_a_rule_that_cannot_be_is_refused(api: Api, bench: Bench) -> None:
    table: list[Any] = [
        ("r1", {}, 400, "invalid.body"),
        ("r1", {"name": "r", "min_size": 2, "max_size": 1}, 400, "invalid.body"),
        ("r1", {"name": "r", "kinds": ["floppy"]}, 400, "invalid.body"),
        ("r1", {"name": "r", "store_ids": ["s9"]}, 404, "not_found"),
        ("r1", {"name": "r", "zones": ["z9"]}, 404, "not_found"),
        ("no%20id", {"name": "r"}, 400, "invalid.id"),
    ]
    for key, body, status, code in table:
        answer = await api.call("PUT", f"/v1/placement-rules/{key}", body)
        assert (answer.status, answer.body["code"]) == (status, code)
    assert await bench.said() == []


async def test_placement_is_explained_by_its_owner(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(words.ANSWERS)
    body = {"format": "iso", "kind": "iso", "size": 7, "zone_id": "z1", "account_id": "a1"}
    told = await api.post("/v1/placement/explain", body)
    assert (told.status, told.body["answers"][0]["reason"]) == (200, "most room")
    ((question, _),) = bench.bus.asked
    assert question == ExplainPlacement(
        kind_of="iso", format="iso", size=7, scope=Scope.zone("z1"), account_id="a1"
    )
    await api.post("/v1/placement/explain", {"format": "raw"})
    _, (question, _) = bench.bus.asked
    assert question.model_dump()["account_id"] == "admin"
