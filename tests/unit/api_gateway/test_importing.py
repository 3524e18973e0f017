"""Objects of another cloud: each is asked for once, and told apart by how far it is."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.errors import ImageRefused
from stowage_contracts.messages.image_store import ImportObject
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Answer, Api, account

Bench = ServiceBench[Deps]
LONG_AGO = "2013-04-05T06:07:08Z"
NEW: dict[str, Any] = {
    "kind": "template",
    "id": "t1",
    "account_id": "acme",
    "name": "centos",
    "format": "qcow2",
    "hypervisor": "KVM",
    "zones": ["z1"],
    "created": LONG_AGO,
    "places": [{"store_id": "s1", "key": "template/tmpl/2/203/a.qcow2", "size": 7}],
    "description": {
        "public": True,
        "attributes": {"displaytext": "CentOS"},
        "shared_with": ["guest"],
    },
}


@pytest.fixture
async def cloud(api: Api, bench: Bench) -> Api:
    for there in (words.zone("z1"), words.store("s1"), words.store("p1", role="Primary")):
        await bench.handle(there, sequence=1)
    return api


async def asked(api: Api, *objects: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Progress and code of each."""
    answer = await api.post("/v1/imports", {"objects": list(objects), **more})
    assert answer.status == 202, answer.body
    return [(one["progress"], (one["error"] or {}).get("code", "")) for one in answer.body["items"]]


def shown(*replicas: dict[str, Any], **changes: Any) -> Any:
    """What image-store says of it."""
    fields = {"id": "t1", "account_id": "acme", "replicas": replicas, **changes}
    return words.template(**fields)


def replica(state: str, **changes: Any) -> dict[str, Any]:
    return {"store_id": "s1", "role": "Image", "state": state, **changes}


async def test_it_is_read_back_at_once_and_its_owner_is_told_everything(
    cloud: Api, bench: Bench
) -> None:
    owners = [{"id": "acme", "name": "Acme"}]
    assert await asked(cloud, NEW, accounts=owners) == [("taken", "")]
    view = (await cloud.get("/v1/templates/t1")).body
    assert (view["created"], view["account_id"], view["ready"]) == (LONG_AGO, "acme", False)
    (said,) = await bench.said(ImportObject)
    told = said.model_dump(mode="json")
    assert told["places"] == NEW["places"]
    assert (told["scope_type"], told["zones"], told["created"]) == ("zone", ["z1"], LONG_AGO)


async def test_what_is_told_beside_its_bytes_is_kept(cloud: Api, bench: Bench) -> None:
    await asked(cloud, NEW)
    async with bench.database.begin() as connection:
        row = await connection.fetchrow("SELECT * FROM descriptions")
        shared = await connection.fetchval("SELECT account_id FROM launch_permissions")
    assert row is not None
    assert (row["id"], row["public"], shared) == ("t1", True, "guest")


async def test_accounts_stand_in_their_domains(cloud: Api, bench: Bench) -> None:
    lab, north = {"id": "d-lab", "name": "lab"}, {"id": "d-north", "name": "north"}
    owners = [
        {"id": "acme", "name": "Acme", "domains": [lab, north]},
        {"id": "other", "name": "Other", "domains": [{"id": "again", "name": "lab"}]},
        {"id": "rooted", "name": "Rooted"},
    ]
    for _ in range(2):
        await asked(cloud, NEW, accounts=owners)
    async with bench.database.begin() as connection:
        rows = await connection.fetch(
            "SELECT a.id, a.role, d.path, d.id AS domain FROM accounts a"
            " JOIN domains d ON d.id = a.domain_id WHERE a.id IN ('acme', 'other', 'rooted')"
        )
    assert {tuple(row) for row in rows} == {
        ("acme", "user", "ROOT/lab/north", "d-north"),
        ("other", "user", "ROOT/lab", "d-lab"),
        ("rooted", "user", "ROOT", "root"),
    }


async def test_asked_again_nothing_more_is_said(cloud: Api, bench: Bench) -> None:
    await asked(cloud, NEW)
    assert await asked(cloud, NEW) == [("reading", "")]
    await bench.handle(shown(replica("Ready")), sequence=2)
    assert await asked(cloud, NEW) == [("ready", "")]
    assert len(await bench.said(ImportObject)) == 1


async def test_only_what_failed_is_tried_anew(cloud: Api, bench: Bench) -> None:
    await asked(cloud, NEW)
    error = ImageRefused("too short", code="size").problem
    await bench.handle(shown(replica("Failed", error=error)), sequence=2)
    assert await asked(cloud, NEW, mode="look") == [("failed", "image.size")]
    assert await asked(cloud, NEW) == [("taken", "")]
    assert len(await bench.said(ImportObject)) == 2


async def test_a_look_asks_for_nothing(cloud: Api, bench: Bench) -> None:
    assert await asked(cloud, NEW, mode="look") == [("unknown", "")]
    assert await bench.said(ImportObject) == []
    assert (await cloud.get("/v1/templates/t1")).status == 404


async def test_what_was_deleted_here_does_not_come_back(cloud: Api, bench: Bench) -> None:
    await asked(cloud, NEW)
    await bench.handle(shown(removed=True), sequence=2)
    assert await asked(cloud, NEW) == [("deleted", "")]


async def test_another_accounts_object_is_not_touched(cloud: Api, bench: Bench) -> None:
    await asked(cloud, NEW)
    assert await asked(cloud, {**NEW, "account_id": "other"}) == [("refused", "conflict.exists")]


async def test_a_bad_one_stops_no_other(cloud: Api, bench: Bench) -> None:
    nowhere = {**NEW, "id": "t2", "places": [{"store_id": "s9", "key": "k"}]}
    pool = {**NEW, "id": "t3", "places": [{"store_id": "p1", "key": "k"}]}
    zoneless = {**NEW, "id": "t4", "zones": ["z9"]}
    assert await asked(cloud, nowhere, pool, zoneless, NEW) == [
        ("refused", "not_found"),
        ("refused", "invalid.role"),
        ("refused", "not_found"),
        ("taken", ""),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"hypervisor": None},
        {"kind": "iso"},
        {"places": []},
        {"places": [{"store_id": "s1", "key": "a"}, {"store_id": "s1", "key": "b"}]},
        {"created": "0001-01-01T00:00:00+05:00"},
    ],
)
async def test_what_makes_no_sense_is_refused(cloud: Api, change: dict[str, Any]) -> None:
    answer: Answer = await cloud.post("/v1/imports", {"objects": [{**NEW, **change}]})
    assert answer.status == 400


async def test_only_operators_may(cloud: Api) -> None:
    mine, _ = await account(cloud)
    assert (await mine.post("/v1/imports", {"objects": [NEW]})).status == 403
