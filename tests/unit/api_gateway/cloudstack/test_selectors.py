"""Secondary storage selectors, as so many placement rules."""

import json
from typing import Any

import pytest
from stowage_contracts.messages.image_store import RemovePlacementRule, SetPlacementRule
from stowage_contracts.values import Scope

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.playing import Bench

RULE = json.dumps({"formats": ["qcow2"], "store_ids": ["s1"]})
NEW = {"name": "big", "description": "the big ones", "zoneid": "z1", "type": "template"}


@pytest.fixture
async def placed(bench: Bench) -> Bench:
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.zone("z2"), sequence=2)
    await bench.handle(words.store("s1", scope=Scope.zone("z1")), sequence=1)
    await bench.handle(words.store("s2", scope=Scope.zone("z2")), sequence=2)
    await bench.handle(words.pool("p1"), sequence=3)
    return bench


async def test_a_selector_becomes_placement_rules(cs: CloudStack, placed: Bench) -> None:
    text = json.dumps([json.loads(RULE), {"min_size": 5, "store_tags": ["gold"]}])
    reply = await cs.call("createSecondaryStorageSelector", **NEW, heuristicrule=text)
    assert (reply.status, reply.envelope) == (200, "createsecondarystorageselectorresponse")
    made = reply.body["heuristics"]
    assert set(made) == {"id", "name", "description", "zoneid", "type", "heuristicrule", "created"}
    assert (made["type"], made["heuristicrule"]) == ("TEMPLATE", text)
    first, second = [m.rule for m in await placed.said() if isinstance(m, SetPlacementRule)]
    assert (first.id, first.kinds, first.zones) == (f"{made['id']}.0", ("template",), ("z1",))
    assert (first.formats, first.store_ids, first.order) == (("qcow2",), ("s1",), 0)
    assert (second.id, second.min_size, second.order) == (f"{made['id']}.1", 5, 1)

    params = {"id": made["id"], "heuristicrule": RULE}
    changed = await cs.call("updateSecondaryStorageSelector", **params)
    assert changed.body["heuristics"]["heuristicrule"] == RULE
    again, gone = (await placed.said())[2:]
    assert again == SetPlacementRule(rule=first)
    assert gone == RemovePlacementRule(rule_id=second.id)

    removed = await cs.call("removeSecondaryStorageSelector", id=made["id"])
    assert removed.body == {"success": True}
    assert (await placed.said())[-1] == RemovePlacementRule(rule_id=first.id)
    assert (await cs.call("removeSecondaryStorageSelector", id=made["id"])).error[0] == 530
    listing = "listSecondaryStorageSelectors"
    assert await cs.rows(listing, "heuristics", zoneid="z1") == []
    (old,) = await cs.rows(listing, "heuristics", zoneid="z1", showremoved=True)
    assert old["removed"]


async def test_one_selector_for_a_zone_and_a_type(cs: CloudStack, placed: Bench) -> None:
    text = json.dumps({"store_tags": ["gold"]})
    for params, status in (
        (NEW, 200),
        (NEW, 530),
        ({**NEW, "type": "ISO"}, 200),
        ({**NEW, "zoneid": "z2"}, 200),
    ):
        reply = await cs.call("createSecondaryStorageSelector", **params, heuristicrule=text)
        assert reply.status == status
    listing = "listSecondaryStorageSelectors"
    assert len(await cs.rows(listing, "heuristics", zoneid="z1")) == 2
    (iso,) = await cs.rows(listing, "heuristics", zoneid="z1", type="iso")
    assert iso["type"] == "ISO"
    assert await cs.rows(listing, "heuristics", zoneid="z1", page=2, pagesize=2) == []


BAD: list[Any] = [
    {"heuristicrule": "if (template.format == 'QCOW2') { 's1' }"},
    {"heuristicrule": "[]"},
    {"heuristicrule": '"s1"'},
    {"heuristicrule": '{"formats": ["qcow2"]}'},
    {"heuristicrule": '{"store_ids": ["s2"]}'},
    {"heuristicrule": '{"store_ids": ["p1"]}'},
    {"heuristicrule": '{"store_ids": ["nothing"]}'},
    {"heuristicrule": '{"store_ids": ["s1"], "kinds": ["iso"]}'},
    {"heuristicrule": '{"store_ids": ["s1"], "formats": ["floppy"]}'},
    {"heuristicrule": " "},
    {"type": "BACKUP"},
    {"zoneid": "z9"},
]


@pytest.mark.parametrize("changes", BAD)
async def test_what_is_no_rule_is_431(
    cs: CloudStack, placed: Bench, changes: dict[str, str]
) -> None:
    reply = await cs.call(
        "createSecondaryStorageSelector", **{**NEW, "heuristicrule": RULE, **changes}
    )
    assert reply.error[0] == 431, reply
    assert await placed.said() == []


async def test_javascript_is_answered_with_what_to_write(cs: CloudStack, placed: Bench) -> None:
    reply = await cs.call(
        "createSecondaryStorageSelector", **NEW, heuristicrule="secondaryStorages[0].id"
    )
    assert '"store_ids": ["<id of an image store>"]' in reply.error[1]
