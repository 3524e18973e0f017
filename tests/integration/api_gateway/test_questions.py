"""What only the owner knows is asked over a real broker; without one a caller is told to wait."""

from typing import Any

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import RevokeLink
from stowage_runtime.testing.eventually import eventually

from tests.integration.api_gateway.conftest import OWNER, Site
from tests.integration.api_gateway.test_broker import joined
from tests.unit.api_gateway import words


@pytest.fixture
async def stocked(site: Site) -> Site:
    """A gateway that knows an object, an upload and a store, and an owner that answers."""
    await joined(site)
    known = [words.template("t1", ready=True), words.template("t2", upload=True), words.store("s1")]
    for message in known:
        envelope = Envelope.of(message, source="image-store", sequence=1)
        await site.peer.send(envelope, mandatory=False)

    async def shown() -> bool:
        answers = [
            await site.api.get(path)
            for path in ("/v1/templates/t1", "/v1/templates/t2", "/v1/stores/s1")
        ]
        return {answer.status for answer in answers} == {200}

    await eventually(shown)
    return site


async def answer(asked: Envelope) -> Envelope:
    question = asked.message()
    made = words.ANSWERS[type(question)](question)
    return Envelope.of(made, source="image-store")


async def refuse(asked: Envelope) -> Envelope:
    raise Conflict("the store is being emptied", resource="store/s1", code="busy")


async def test_links_uploads_plans_and_findings_are_answered_by_their_owner(stocked: Site) -> None:
    await stocked.peer.serve(OWNER, answer)
    api = stocked.api
    link = (await api.post("/v1/templates/t1/links", {"seconds": 60})).body["id"]
    assert (await api.get(f"/v1/links/{link}")).body["url"] == words.PRESIGNED
    upload = await api.post("/v1/templates/t2/upload", {"part_count": 1})
    assert upload.body["parts"][0]["url"].startswith(words.PRESIGNED)
    assert (await api.get("/v1/stores/s1/evacuation-plan")).body["bytes_to_move"] == 7
    assert (await api.get("/v1/stores/s1/findings")).body["findings"][0]["id"] == "f1"
    explained = await api.post("/v1/placement/explain", {"format": "raw"})
    assert explained.body["answers"][0]["chosen"] is True
    await api.delete(f"/v1/links/{link}")
    (revoked,) = await stocked.owner.has(1)
    assert revoked.message() == RevokeLink(link_id=link)


async def test_what_the_owner_refuses_travels_back(stocked: Site) -> None:
    await stocked.peer.serve(OWNER, refuse)
    told = await stocked.api.get("/v1/stores/s1/evacuation-plan")
    assert (told.status, told.body["code"]) == (409, "conflict.busy")


async def test_without_broker_questions_are_put_off_and_lists_still_answer(stocked: Site) -> None:
    await stocked.peer.serve(OWNER, answer)
    api = stocked.api
    link = (await api.post("/v1/templates/t1/links", {})).body["id"]
    await stocked.line.cut()
    table: list[Any] = [
        ("GET", f"/v1/links/{link}", None),
        ("POST", "/v1/templates/t2/upload", {}),
        ("GET", "/v1/stores/s1/evacuation-plan", None),
    ]
    for method, path, body in table:
        told = await api.call(method, path, body)
        assert (told.status, told.body["code"].partition(".")[0]) == (503, "unavailable")
        assert told.headers["Retry-After"]
    for path in ("/v1/templates", "/v1/links", "/v1/stores", "/v1/placement-rules"):
        assert (await api.get(path)).status == 200
    assert (await api.post("/v1/templates/t1/links", {})).status == 201
    changed = await api.call("PATCH", "/v1/templates/t1", {"name": "later"})
    assert changed.status == 202
