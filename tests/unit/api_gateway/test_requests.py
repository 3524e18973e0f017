"""What people ask becomes a pending row and a command; what they may not is refused."""

import asyncio
from typing import Any

import pytest
from api_gateway.deps import Deps
from pydantic import SecretStr
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import (
    AddStore,
    AddZone,
    DeleteTemplate,
    RegisterTemplate,
    RemoveStore,
    RequestCopy,
)
from stowage_runtime.secrets import Opener
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

NEW_TEMPLATE = {"name": "disk", "url": "http://user:canary@images/disk.raw", "format": "raw"}
NEW_STORE = {"name": "s3", "provider": "s3", "settings": {"bucket": "b"}}
Bench = ServiceBench[Deps]


async def user(api: Api) -> Api:
    made = await api.post("/v1/accounts", {"name": "someone"})
    assert made.status == 201
    return api.as_account(made.body["api_key"])


async def test_a_zone_is_readable_at_once_and_its_owner_is_told(api: Api, bench: Bench) -> None:
    made = await api.post("/v1/zones", {"id": "z1", "name": "one"})
    assert (made.status, made.body) == (202, {"id": "z1", "name": "one"})
    assert (await api.get("/v1/zones/z1")).body == {"id": "z1", "name": "one"}
    (sent,) = await bench.sent()
    assert sent.message == AddZone(zone_id="z1", name="one")
    assert sent.to == "image-store"


async def test_a_taken_id_is_a_conflict_and_nothing_is_said(api: Api, bench: Bench) -> None:
    await api.post("/v1/zones", {"id": "z1", "name": "one"})
    again = await api.post("/v1/zones", {"id": "z1", "name": "two"})
    assert (again.status, again.body["code"]) == (409, "conflict.exists")
    assert len(await bench.said()) == 1


async def test_a_template_url_travels_sealed_only(
    api: Api, bench: Bench, made_keys: dict[str, str]
) -> None:
    made = await api.post("/v1/templates", {"id": "t1", **NEW_TEMPLATE})
    assert made.status == 202
    assert "canary" not in str(made.body)
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert "canary" not in said.model_dump_json()
    opener = Opener(SecretStr(made_keys["seal_private_key_image_store"]))
    assert opener.open(said.sealed_url, "template/t1").decode() == NEW_TEMPLATE["url"]
    copy = await api.get(f"/v1/copies/{made.body['copy_id']}")
    assert copy.body["state"] == "requested"


@pytest.mark.parametrize(
    ("role", "owner"), [("Image", "image_store"), ("ImageCache", "cache_autoscaler")]
)
async def test_store_secrets_are_sealed_for_the_roles_owner(
    api: Api, bench: Bench, made_keys: dict[str, str], role: str, owner: str
) -> None:
    body = {**NEW_STORE, "id": "s1", "role": role, "secrets": {"secret_key": "canary"}}
    made = await api.post("/v1/stores", body)
    assert made.status == 202
    assert "canary" not in str(made.body)
    (sent,) = await bench.sent()
    assert sent.to == owner.replace("_", "-")
    assert isinstance(sent.message, AddStore)
    opener = Opener(SecretStr(made_keys[f"seal_private_key_{owner}"]))
    opened = opener.open(sent.message.sealed, "image_data_store/s1")
    assert opened == b'{"secret_key": "canary"}'


async def test_secrets_among_settings_are_refused(api: Api, bench: Bench) -> None:
    table: list[Any] = [
        {"secret_key": "canary"},
        {"auth": {"password": "canary"}},
        {"hosts": [{"token": "canary"}]},
        {"endpoint": "http://me:canary@s3.example"},
    ]
    for loose in table:
        made = await api.post("/v1/stores", {**NEW_STORE, "settings": loose})
        assert (made.status, made.body["code"]) == (400, "invalid.secret_in_settings")
        assert "canary" not in str(made.body)
        assert await bench.said() == []


async def test_a_copy_needs_a_template_and_a_pool_that_exist(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.store("s1"), sequence=1)
    missing = await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1"})
    assert (missing.status, missing.body["resource"]) == (404, "template/t1")
    await bench.handle(words.template("t1"), sequence=1)
    wrong = await api.post("/v1/copies", {"template_id": "t1", "store_id": "s1"})
    assert (wrong.status, wrong.body["code"]) == (400, "invalid.role")
    made = await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1", "id": "c1"})
    assert (made.status, made.body["state"]) == (202, "requested")
    (said,) = await bench.said(RequestCopy)
    assert isinstance(said, RequestCopy)
    assert said.copy_id == "c1"


async def test_what_was_removed_is_not_found_by_new_requests(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1", removed=True), sequence=1)
    refused = await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1"})
    assert (refused.status, refused.body["code"]) == (404, "not_found.removed")


async def test_a_copy_may_be_cancelled_before_its_owner_heard_of_it(api: Api, bench: Bench) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1"), sequence=1)
    await api.post("/v1/copies", {"template_id": "t1", "store_id": "p1", "id": "c1"})
    cancelled = await api.post("/v1/copies/c1/cancel")
    assert cancelled.status == 202
    assert await bench.said(CancelCopy) == [CancelCopy(copy_id="c1")]


async def test_an_ended_copy_cannot_be_cancelled(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1", state="done"), sequence=1)
    refused = await api.post("/v1/copies/c1/cancel")
    assert (refused.status, refused.body["code"]) == (409, "conflict.final")


async def test_unknown_things_are_not_found(api: Api) -> None:
    table: list[Any] = [
        ("GET", "/v1/copies/nobody"),
        ("GET", "/v1/copies/nobody/explain"),
        ("POST", "/v1/copies/nobody/cancel"),
        ("GET", "/v1/stores/nobody"),
        ("POST", "/v1/stores/nobody/probe"),
        ("DELETE", "/v1/stores/nobody"),
        ("GET", "/v1/templates/nobody"),
        ("DELETE", "/v1/templates/nobody"),
        ("GET", "/v1/zones/nobody"),
        ("GET", "/v1/pods/nobody"),
        ("GET", "/v1/clusters/nobody"),
        ("GET", "/v1/hosts/nobody"),
        ("POST", "/v1/hosts/nobody/token"),
        ("DELETE", "/v1/keys/nobody"),
        ("GET", "/v1/zones/%00"),
        ("GET", "/v1/nothing"),
    ]
    for method, path in table:
        answer = await api.call(method, path)
        assert answer.status == 404
        assert answer.body["code"].startswith("not_found")
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_what_only_admins_may_do_is_forbidden_to_others(api: Api) -> None:
    table: list[Any] = [
        ("POST", "/v1/zones", {"name": "z"}),
        ("POST", "/v1/pods", {"name": "p", "zone_id": "z"}),
        ("POST", "/v1/clusters", {"name": "c", "pod_id": "p", "hypervisor": "KVM"}),
        ("POST", "/v1/hosts", {"name": "h", "hypervisor": "KVM"}),
        ("POST", "/v1/hosts/h1/token", None),
        ("POST", "/v1/stores", NEW_STORE),
        ("POST", "/v1/stores/s1/probe", None),
        ("DELETE", "/v1/stores/s1", None),
        ("POST", "/v1/accounts", {"name": "a"}),
        ("GET", "/v1/keys", None),
        ("DELETE", "/v1/keys/k1", None),
    ]
    for method, path, body in table:
        answer = await (await user(api)).call(method, path, body)
        assert answer.status == 403, path
        assert answer.body["code"].endswith("admin_only"), path  # or domain_admin_only


async def test_another_accounts_things_are_not_found(api: Api, bench: Bench) -> None:
    await bench.handle(words.template("t1", account_id="theirs"), sequence=1)
    await bench.handle(words.planned("c1", account_id="theirs"), sequence=1)
    await bench.handle(words.pool("p1"), sequence=1)
    mine = await user(api)
    for path in ("/v1/templates/t1", "/v1/copies/c1", "/v1/copies/c1/explain"):
        assert (await mine.get(path)).status == 404
        assert (await api.get(path)).status == 200
    assert (await mine.post("/v1/copies/c1/cancel")).status == 404
    assert (await mine.delete("/v1/templates/t1")).status == 404
    assert (await mine.get("/v1/templates")).body["items"] == []
    refused = await mine.post("/v1/copies", {"template_id": "t1", "store_id": "p1"})
    assert (refused.status, refused.body["resource"]) == (404, "template/t1")
    assert await bench.said(CancelCopy, DeleteTemplate, RequestCopy) == []


async def test_callers_without_a_known_key_are_refused(api: Api) -> None:
    table: list[Any] = ["", "wrong", "\x80\xff"]
    for key in table:
        answer = await api.as_account(key).get("/v1/zones")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_revoked_key_stops_working(api: Api) -> None:
    made = await api.post("/v1/accounts", {"name": "someone"})
    mine = api.as_account(made.body["api_key"])
    assert (await mine.get("/v1/zones")).status == 200
    listed = (await api.get("/v1/keys")).body["items"]
    assert made.body["id"] in {row["id"] for row in listed}
    assert all(set(row) == {"id", "account_id", "created"} for row in listed)
    assert (await api.delete(f"/v1/keys/{made.body['id']}")).status == 200
    assert (await mine.get("/v1/zones")).status == 401


async def test_bad_input_names_the_field_and_not_its_value(api: Api) -> None:
    table: list[Any] = [
        ("/v1/zones", {}, "name"),
        ("/v1/zones", {"name": "z", "colour": "red"}, "colour"),
        ("/v1/zones", {"name": "z", "id": "no spaces"}, "id"),
        ("/v1/templates", {**NEW_TEMPLATE, "format": "floppy"}, "format"),
        ("/v1/templates", {**NEW_TEMPLATE, "url": "file:///etc/passwd"}, "url"),
        ("/v1/templates", {**NEW_TEMPLATE, "checksum": "md5:zz"}, "checksum"),
        ("/v1/copies", {"template_id": "t", "store_id": "s", "priority": 1000}, "priority"),
        ("/v1/stores", {**NEW_STORE, "settings": {"a": "x" * 20000}}, "settings"),
    ]
    for path, body, field in table:
        answer = await api.post(path, body)
        assert (answer.status, answer.body["code"]) == (400, "invalid.body")
        assert [row["field"] for row in answer.body["details"]["fields"]] == [field]
        assert "canary" not in str(answer.body)


async def test_text_with_a_nul_is_bad_input(api: Api) -> None:
    answer = await api.post("/v1/zones", {"name": "a\0b"})
    assert (answer.status, answer.body["code"]) == (400, "invalid.body")


async def test_a_body_that_is_no_object_is_bad_input(api: Api) -> None:
    table: list[Any] = [b"", b"{", b"[]", b'{"name": "\xff"}', b"null"]
    for body in table:
        answer = await api.post("/v1/zones", body)
        assert (answer.status, answer.body["code"]) == (400, "invalid.body")


async def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    answer = await api.post("/v1/zones", b'{"name": "' + b"x" * (1 << 20) + b'"}')
    assert answer.status == 413


async def test_a_bad_query_is_refused(api: Api) -> None:
    table: list[Any] = ["?limit=0", "?limit=501", "?cursor=what", "?colour=red", "?cursor=99.a%00"]
    for query in table:
        answer = await api.get(f"/v1/zones{query}")
        assert answer.status == 400


async def test_a_store_its_owner_refused_can_be_hidden(api: Api, bench: Bench) -> None:
    await bench.handle(words.store("s1", state="Removed"), sequence=1)
    assert (await api.delete("/v1/stores/s1")).status == 202
    assert (await api.get("/v1/stores")).body["items"] == []
    assert await bench.said(RemoveStore) == []


async def test_the_id_of_a_refused_store_may_be_tried_again(api: Api, bench: Bench) -> None:
    await bench.handle(words.store("s1", state="Removed"), sequence=1)
    body = {"id": "s1", "name": "again", "provider": "directory", "settings": {"root": "/r"}}
    assert (await api.post("/v1/stores", body)).status == 202
    assert (await api.get("/v1/stores/s1")).body["state"] == "Adding"
    assert (await api.post("/v1/stores", body)).body["code"] == "conflict.exists"
    await bench.handle(words.store("s1", state="Up"), sequence=2)
    assert (await api.get("/v1/stores/s1")).body["state"] == "Up"


async def test_requests_with_one_idempotency_key_are_done_once(api: Api, bench: Bench) -> None:
    asked = [api.post("/v1/templates", NEW_TEMPLATE, Idempotency_Key="k1") for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert len(await bench.said(RegisterTemplate)) == 1


async def test_an_idempotency_key_is_for_one_request_secrets_included(api: Api) -> None:
    await api.post("/v1/templates", NEW_TEMPLATE, Idempotency_Key="k1")
    other = {**NEW_TEMPLATE, "url": "http://user:other@images/disk.raw"}
    again = await api.post("/v1/templates", other, Idempotency_Key="k1")
    assert (again.status, again.body["code"]) == (409, "conflict.idempotency_key")


async def test_an_idempotency_key_belongs_to_its_account(api: Api) -> None:
    mine = await user(api)
    first = await api.post("/v1/templates", NEW_TEMPLATE, Idempotency_Key="k1")
    second = await mine.post("/v1/templates", NEW_TEMPLATE, Idempotency_Key="k1")
    assert (first.status, second.status) == (202, 202)
    assert first.body["id"] != second.body["id"]


async def test_a_refused_request_leaves_its_idempotency_key_free(api: Api) -> None:
    body = {"name": "p", "zone_id": "z1"}
    assert (await api.post("/v1/pods", body, Idempotency_Key="k1")).status == 404
    await api.post("/v1/zones", {"id": "z1", "name": "one"})
    assert (await api.post("/v1/pods", body, Idempotency_Key="k1")).status == 202


async def test_an_idempotency_key_that_cannot_be_one_is_refused(api: Api) -> None:
    table: list[Any] = ["x" * 256, "caf\xe9"]
    for key in table:
        answer = await api.post("/v1/zones", {"name": "z"}, Idempotency_Key=key)
        assert (answer.status, answer.body["code"]) == (400, "invalid.idempotency_key")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/hosts", {"name": "h", "hypervisor": "KVM"}), ("/v1/accounts", {"name": "a"})],
)
async def test_what_is_shown_once_takes_no_idempotency_key(
    api: Api, path: str, body: dict[str, str]
) -> None:
    assert (await api.post(path, body, Idempotency_Key="k1")).status == 400


async def test_pages_stay_stable_while_things_are_added(api: Api) -> None:
    for number in range(5):
        await api.post("/v1/zones", {"id": f"z{number}", "name": "zone"})
    first = (await api.get("/v1/zones?limit=2")).body
    await api.post("/v1/zones", {"id": "late", "name": "zone"})
    second = (await api.get(f"/v1/zones?limit=2&cursor={first['next']}")).body
    third = (await api.get(f"/v1/zones?limit=2&cursor={second['next']}")).body
    seen = [item["id"] for part in (first, second, third) for item in part["items"]]
    assert seen == ["z4", "z3", "z2", "z1", "z0"]
    assert third["next"] is None
