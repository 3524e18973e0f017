"""Conditional requests: what a caller did not see as it is it does not change."""

import pytest
from api_gateway.deps import Deps
from stowage_contracts.messages.image_store import ChangeObject
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account
from tests.unit.api_gateway.test_read_models import progress

T1 = "/v1/templates/t1"
RULE = {"name": "gold", "store_tags": ["gold"]}


@pytest.fixture
async def known(bench: ServiceBench[Deps], api: Api) -> Api:
    await bench.handle(words.template("t1", ready=True), sequence=7)
    return api


async def test_a_resource_is_shown_with_its_subjects_sequence(known: Api) -> None:
    assert (await known.get(T1)).headers["ETag"].startswith('"7.0-')


async def test_who_has_it_already_is_told_just_that(known: Api) -> None:
    tag = (await known.get(T1)).headers["ETag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await known.get(T1, If_None_Match=header)
        assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)
    assert (await known.get(T1, If_None_Match='"7.0-0"')).status == 200


async def test_lists_are_told_by_their_bytes(known: Api, bench: ServiceBench[Deps]) -> None:
    tag = (await known.get("/v1/templates")).headers["ETag"]
    assert (await known.get("/v1/templates", If_None_Match=tag)).status == 304
    await bench.handle(words.template("t2"), sequence=1)
    assert (await known.get("/v1/templates", If_None_Match=tag)).status == 200


async def test_a_change_of_what_was_seen_is_taken(known: Api, bench: ServiceBench[Deps]) -> None:
    tag = (await known.get(T1)).headers["ETag"]
    changed = await known.call("PATCH", T1, {"name": "new"}, If_Match=tag)
    assert (changed.status, changed.headers["ETag"]) == (202, '"7.1"')
    assert len(await bench.said(ChangeObject)) == 1


async def test_of_two_changes_of_one_version_the_second_is_refused(
    known: Api, bench: ServiceBench[Deps]
) -> None:
    tag = (await known.get(T1)).headers["ETag"]
    await known.call("PATCH", T1, {"name": "mine"}, If_Match=tag)
    late = await known.call("PATCH", T1, {"name": "theirs"}, If_Match=tag)
    assert (late.status, late.body["code"]) == (412, "conflict.changed")
    assert late.body["resource"] == "template/t1"
    (said,) = await bench.said(ChangeObject)
    assert isinstance(said, ChangeObject)
    assert said.name == "mine"
    again = await known.call("PATCH", T1, {"name": "theirs"}, If_Match='"7.1"')
    assert again.status == 202


async def test_a_version_the_owner_left_behind_is_refused(
    known: Api, bench: ServiceBench[Deps]
) -> None:
    tag = (await known.get(T1)).headers["ETag"]
    await bench.handle(words.template("t1", ready=False), sequence=8)
    assert (await known.call("DELETE", T1, If_Match=tag)).status == 412
    assert (await known.get(T1)).body["removed"] is False
    assert (await known.call("DELETE", T1, If_Match="*")).status == 202


async def test_progress_is_no_change_and_yet_is_seen(bench: ServiceBench[Deps], api: Api) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    tag = (await api.get("/v1/copies/c1")).headers["ETag"]
    await bench.hear(progress(40))
    assert (await api.get("/v1/copies/c1", If_None_Match=tag)).status == 200
    changed = await api.call("PATCH", "/v1/copies/c1", {"priority": 3}, If_Match=tag)
    assert changed.status == 202


async def test_a_retry_with_its_key_is_answered_as_before(
    known: Api, bench: ServiceBench[Deps]
) -> None:
    tag = (await known.get(T1)).headers["ETag"]
    for _ in range(2):
        answer = await known.call("PATCH", T1, {"name": "n"}, If_Match=tag, Idempotency_Key="k")
        assert answer.status == 202
    assert len(await bench.said(ChangeObject)) == 1


async def test_a_rule_can_be_added_only_if_there_is_none(known: Api) -> None:
    for expected in (202, 412):
        put = await known.call("PUT", "/v1/placement-rules/r1", RULE, If_None_Match="*")
        assert put.status == expected
    assert put.body["code"] == "conflict.there"
    tag = (await known.get("/v1/placement-rules/r1")).headers["ETag"]
    for expected in (202, 412):
        put = await known.call("PUT", "/v1/placement-rules/r1", RULE, If_Match=tag)
        assert put.status == expected


async def test_nothing_is_named_that_is_not_there(known: Api) -> None:
    put = await known.call("PUT", "/v1/placement-rules/r9", RULE, If_Match="*")
    assert put.status == 412
    assert (await known.get("/v1/placement-rules/r9")).status == 404


async def test_what_is_others_is_not_there_whatever_the_condition(
    known: Api, bench: ServiceBench[Deps]
) -> None:
    await bench.handle(words.template("t3", account_id="someone-else"), sequence=1)
    stranger, _ = await account(known)
    answer = await stranger.call("PATCH", "/v1/templates/t3", {"name": "n"}, If_Match='"9.9"')
    assert answer.status == 404


async def test_what_holds_a_secret_has_no_tag(known: Api) -> None:
    made = await known.post("/v1/templates/t1/links", {})
    assert made.status == 201
    assert "ETag" not in made.headers
