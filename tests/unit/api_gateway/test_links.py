"""Download links: kept without their URL, made when asked, ended on time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from stowage_contracts.errors import GrantRefused
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import MakeLink, OpenUpload, RevokeLink
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Answer, Api, account

Bench = ServiceBench[Deps]


@pytest.fixture
async def ready(bench: Bench) -> None:
    bench.bus.replies.update(words.ANSWERS)
    await bench.handle(words.template("t1", ready=True, name='a/b"c'), sequence=1)


async def linked(api: Api, body: Any = None) -> Answer:
    made = await api.post("/v1/templates/t1/links", body or {})
    assert made.status == 201, made.body
    return made


async def everything(bench: Bench) -> str:
    """All rows of all the gateway's tables."""
    async with bench.database.connection() as connection:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        rows = [await connection.fetch(f"SELECT * FROM {table[0]}") for table in tables]
    return str([[dict(row) for row in each] for each in rows])


@pytest.mark.usefixtures("ready")
async def test_a_link_is_made_when_it_is_asked_for(api: Api, bench: Bench) -> None:
    made = await linked(api, {"seconds": 60, "file_name": "disk.img"})
    assert bench.bus.asked == []
    assert made.body["object"] == words.TEMPLATE_OBJECT
    assert (made.body["method"], made.body["file_name"]) == ("GET", "disk.img")
    link_id = made.body["id"]
    for _ in range(2):
        shown = await api.get(f"/v1/links/{link_id}")
        assert (shown.status, shown.headers["Cache-Control"]) == (200, "no-store")
        assert set(shown.body) == {"id", "url", "expires"}
        assert shown.body["url"] == words.PRESIGNED
    (question, to), _ = bench.bus.asked
    assert isinstance(question, MakeLink)
    assert (question.link_id, question.file_name, to) == (link_id, "disk.img", "image-store")
    assert 50 <= question.seconds <= 60
    assert words.PRESIGNED not in str((await api.get("/v1/links")).body)


@pytest.mark.usefixtures("ready")
async def test_a_file_is_called_after_its_object(api: Api) -> None:
    assert (await linked(api)).body["file_name"] == "a_b_c.raw"


@pytest.mark.usefixtures("ready")
async def test_a_link_is_bounded(api: Api, settings: Settings) -> None:
    table: list[Any] = [
        ({"seconds": settings.longest_link_seconds + 1}, "invalid.seconds"),
        ({"seconds": 0}, "invalid.body"),
        ({"file_name": 'a"; x="'}, "invalid.body"),
        ({"file_name": "a\r\nX: y"}, "invalid.body"),
        ({"file_name": "../a"}, "invalid.body"),
        ({"file_name": "x" * 300}, "invalid.body"),
    ]
    for body, code in table:
        answer = await api.post("/v1/templates/t1/links", body)
        assert (answer.status, answer.body["code"]) == (400, code)


@pytest.mark.usefixtures("ready")
async def test_an_expired_link_is_gone_and_later_forgotten(api: Api, bench: Bench) -> None:
    link_id = (await linked(api, {"seconds": 60})).body["id"]
    await bench.pass_time(timedelta(seconds=61))
    shown = await api.get(f"/v1/links/{link_id}")
    assert (shown.status, shown.body["code"]) == (410, "not_found.link_expired")
    assert bench.bus.asked == []
    await bench.run_timers("forget")
    assert (await api.get(f"/v1/links/{link_id}")).status == 410
    await bench.pass_time(timedelta(days=8))
    await bench.run_timers("forget")
    assert (await api.get(f"/v1/links/{link_id}")).status == 404


@pytest.mark.usefixtures("ready")
async def test_a_revoked_link_is_gone_and_its_owner_told_once(api: Api, bench: Bench) -> None:
    link_id = (await linked(api)).body["id"]
    for _ in range(2):
        revoked = await api.delete(f"/v1/links/{link_id}")
        assert (revoked.status, revoked.body["revoked"] is not None) == (200, True)
    assert await bench.said(RevokeLink) == [RevokeLink(link_id=link_id)]
    shown = await api.get(f"/v1/links/{link_id}")
    assert (shown.status, shown.body["code"]) == (410, "not_found.link_revoked")


@pytest.mark.usefixtures("ready")
async def test_a_link_revoked_while_it_is_made_is_not_given_out(api: Api, bench: Bench) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(question: Message) -> Message:
        asked.set()
        await go_on.wait()
        return words.link_made(question)

    bench.bus.replies[MakeLink] = slow
    link_id = (await linked(api)).body["id"]
    showing = asyncio.create_task(api.get(f"/v1/links/{link_id}"))
    async with asyncio.timeout(10):
        await asked.wait()
        await api.delete(f"/v1/links/{link_id}")
        go_on.set()
        shown = await showing
    assert (shown.status, shown.body["code"]) == (410, "not_found.link_revoked")


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("how", ["expired", "revoked"])
async def test_a_link_its_owner_ended_is_gone(api: Api, bench: Bench, how: str) -> None:
    bench.bus.replies[MakeLink] = GrantRefused("it has ended", code=how)
    link_id = (await linked(api)).body["id"]
    shown = await api.get(f"/v1/links/{link_id}")
    assert (shown.status, shown.body["code"]) == (410, f"not_found.link_{how}")


@pytest.mark.usefixtures("ready")
async def test_a_link_ends_with_its_object(api: Api, bench: Bench) -> None:
    link_id = (await linked(api)).body["id"]
    await bench.handle(words.template("t1", removed=True), sequence=2)
    shown = await api.get(f"/v1/links/{link_id}")
    assert (shown.status, shown.body["code"]) == (404, "not_found.removed")


@pytest.mark.usefixtures("ready")
async def test_what_is_not_ready_has_no_link(api: Api, bench: Bench) -> None:
    await bench.handle(words.template("t1", ready=False), sequence=2)
    made = await api.post("/v1/templates/t1/links", {})
    assert (made.status, made.body["code"]) == (409, "conflict.not_ready")


@pytest.mark.usefixtures("ready")
async def test_an_admins_link_is_not_shown_to_the_objects_owner(api: Api, bench: Bench) -> None:
    mine, account_id = await account(api)
    await bench.handle(words.template("t1", ready=True, account_id=account_id), sequence=2)
    link_id = (await linked(api)).body["id"]
    assert (await mine.get(f"/v1/links/{link_id}")).status == 404
    assert (await api.get(f"/v1/links/{link_id}")).status == 200
    (question, _), *_ = bench.bus.asked
    assert isinstance(question, MakeLink)
    assert question.account_id == account_id


@pytest.mark.usefixtures("ready")
async def test_without_an_answer_the_asker_may_try_again(api: Api, bench: Bench) -> None:
    link_id = (await linked(api)).body["id"]
    bench.bus.replies.clear()
    shown = await api.get(f"/v1/links/{link_id}")
    assert (shown.status, shown.body["code"]) == (503, "unavailable.no_reply")
    assert shown.headers["Retry-After"]
    assert shown.body["retry"] == "again"
    assert len((await api.get("/v1/links")).body["items"]) == 1


@pytest.mark.usefixtures("ready")
async def test_an_answer_with_a_url_takes_no_idempotency_key(api: Api, bench: Bench) -> None:
    link_id = (await linked(api)).body["id"]
    await bench.handle(words.template("t2", upload=True), sequence=1)
    table: list[Any] = [
        ("GET", f"/v1/links/{link_id}", None),
        ("POST", "/v1/templates/t2/upload", {}),
    ]
    for method, path, body in table:
        answer = await api.call(method, path, body, Idempotency_Key="k1")
        assert (answer.status, answer.body["code"]) == (400, "invalid.idempotency_key")
    assert bench.bus.asked == []


@pytest.mark.usefixtures("ready")
async def test_no_presigned_url_is_kept_or_logged(
    api: Api, bench: Bench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    link_id = (await linked(api)).body["id"]
    await bench.handle(words.template("t2", upload=True), sequence=1)
    assert "canary" in str((await api.get(f"/v1/links/{link_id}")).body)
    assert "canary" in str((await api.post("/v1/templates/t2/upload", {"part_count": 3})).body)
    bench.bus.replies[OpenUpload] = lambda question: words.link_made(
        MakeLink(link_id="x", object=words.TEMPLATE_OBJECT, account_id="a", seconds=1)
    )
    wrong = await api.post("/v1/templates/t2/upload", {"part_count": 1})
    assert (wrong.status, wrong.body["code"]) == (503, "unavailable.answer")
    kept = await everything(bench)
    assert link_id in kept
    assert "canary" not in kept
    assert "canary" not in str(wrong.body)
    assert "canary" not in caplog.text + "".join(capfd.readouterr())
