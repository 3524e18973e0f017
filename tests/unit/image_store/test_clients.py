"""Links and uploads through an agent's door: one object, one method, until revoked or over."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, GrantRefused, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.hypervisor_agent import InspectObject, LinkTicket, ObjectInspected
from stowage_contracts.messages.image_store import (
    CopyRequested,
    EvacuateStore,
    FinishUpload,
    GrantRedeemed,
    LinkMade,
    MakeLink,
    OpenUpload,
    RedeemGrant,
    ReplicaReady,
    RevokeLink,
    TakeUpload,
    TemplateChanged,
    UploadOpened,
    UploadTaken,
)
from stowage_contracts.values import ObjectRef
from stowage_contracts.views import TemplateView
from stowage_runtime.signing import Verifier

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted

T1 = ObjectRef(kind="template", id="t1")
LINK = MakeLink(link_id="l1", object=T1, account_id="acme", seconds=60, file_name="disk.qcow2")
OPEN = OpenUpload(object=T1, account_id="acme")
DOOR = "https://mover.example:8443"


@pytest.fixture
async def doored(scene: Scene) -> Scene:
    """Zone, store, and a host whose agent has a door."""
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.joined(door=DOOR), source="agent/h1")
    return scene


@pytest.fixture
async def ready(doored: Scene) -> Scene:
    said = await doored.bench.handle(doored.registration())
    request = next(m for m in said if isinstance(m, CopyRequested))
    await doored.write(request)
    await doored.commit(request)
    await doored.complete(request, accepted())
    return doored


@pytest.fixture
async def awaited(doored: Scene) -> Scene:
    """Template t1 is to be uploaded."""
    await doored.bench.handle(
        doored.registration(sealed_url="", size=len(CONTENT), checksum="sha256:" + "0" * 64)
    )
    return doored


def ticket_of(scene: Scene, url: SecretStr) -> tuple[str, LinkTicket]:
    """The token in a door's URL and what it says."""
    match = re.fullmatch(rf"{DOOR}/([ou])/(.+)", url.get_secret_value())
    assert match is not None
    verifier = Verifier(scene.keys["stowage_ticket_verify_key"])
    claims = verifier.verify(SecretStr(match[2]), LinkTicket, datetime.now(UTC))
    assert claims.writes == (match[1] == "u")
    return match[2], claims


async def link(scene: Scene) -> LinkMade:
    made = await scene.bench.ask(LINK)
    assert isinstance(made, LinkMade)
    return made


async def redeem(scene: Scene, token: str, grant_id: str, source: str = "agent/h1") -> Path:
    """The file an agent's door opens for a token."""
    ask = RedeemGrant(grant_id=grant_id, ticket=SecretStr(token))
    reply = await scene.bench.ask(ask, source=source)
    assert isinstance(reply, GrantRedeemed)
    assert reply.grant.uri is not None
    return Path(reply.grant.uri.get_secret_value().removeprefix("file://"))


async def shown(scene: Scene) -> TemplateView:
    changed = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(changed, TemplateChanged)
    return changed.state


async def test_a_link_opens_its_object_by_the_agent_it_names(ready: Scene) -> None:
    token, claims = ticket_of(ready, (await link(ready)).url)
    assert (claims.file_name, claims.size) == ("disk.qcow2", len(CONTENT))
    assert (await redeem(ready, token, "l1")).read_bytes() == CONTENT
    with pytest.raises(GrantRefused):
        await redeem(ready, token, "l1", source="agent/h2")


async def test_a_link_made_again_keeps_its_end(ready: Scene) -> None:
    first, second = await link(ready), await link(ready)
    assert first.expires == second.expires


async def test_a_link_lives_no_longer_than_the_settings_allow(ready: Scene) -> None:
    longest = ready.bench.service.deps.settings.link_max_seconds
    made = await ready.bench.ask(LINK.model_copy(update={"seconds": 10 * longest}))
    assert isinstance(made, LinkMade)
    async with ready.bench.tx() as tx:
        assert made.expires - tx.now <= timedelta(seconds=longest)


@pytest.mark.parametrize("why", ["revoked", "expired"])
async def test_a_link_that_has_ended_opens_nothing(ready: Scene, why: str) -> None:
    token, _ = ticket_of(ready, (await link(ready)).url)
    if why == "revoked":
        await ready.bench.handle(RevokeLink(link_id="l1"))
    else:
        await ready.pass_seconds(61)
    for attempt in (redeem(ready, token, "l1"), link(ready)):
        with pytest.raises(GrantRefused) as refused:
            await attempt
        assert refused.value.code == f"grant.{why}"


async def test_a_link_revoked_before_it_was_made_is_never_made(ready: Scene) -> None:
    await ready.bench.handle(RevokeLink(link_id="l1"))
    with pytest.raises(GrantRefused):
        await link(ready)


async def test_no_link_is_given_before_the_object_is_ready(doored: Scene) -> None:
    await doored.bench.handle(doored.registration())
    with pytest.raises(Conflict) as refused:
        await link(doored)
    assert refused.value.code == "conflict.not_ready"


async def test_a_store_without_http_and_door_says_what_is_missing(ready: Scene) -> None:
    await ready.bench.handle(ready.joined(), source="agent/h1")
    with pytest.raises(Unavailable) as refused:
        await link(ready)
    assert refused.value.code == "unavailable.no_door"
    assert refused.value.problem.hint


async def upload(scene: Scene, content: bytes) -> None:
    """What a client and the door do together."""
    opened = await scene.bench.ask(OPEN)
    assert isinstance(opened, UploadOpened)
    assert opened.url is not None
    token, claims = ticket_of(scene, opened.url)
    part = await redeem(scene, token, claims.grant_id)
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)


async def finish(scene: Scene, size: int) -> None:
    await scene.bench.handle(FinishUpload(object=T1, size=size))
    await scene.bench.run_intents()


async def judged(scene: Scene, linear: str) -> list[Message]:
    await scene.bench.run_timers("send-inspections")
    (order,) = await scene.bench.said(InspectObject)
    assert isinstance(order, InspectObject)
    assert (order.read_all, order.checksum) == (True, "sha256:" + "0" * 64)
    report = ObjectInspected(
        inspection_id=order.inspection_id,
        host_id="h1",
        verdict=accepted(),
        size=len(CONTENT),
        digest=DIGEST,
        linear=linear,
    )
    return await scene.bench.handle(report, source="agent/h1")


async def test_an_upload_is_ready_once_it_was_read_and_judged(awaited: Scene) -> None:
    assert (await shown(awaited)).upload
    await upload(awaited, CONTENT)
    await finish(awaited, len(CONTENT))
    assert not (await shown(awaited)).ready
    said = await judged(awaited, "sha256:" + "0" * 64)
    assert any(isinstance(m, ReplicaReady) for m in said)
    view = await shown(awaited)
    assert (view.ready, view.size, view.digest) == (True, len(CONTENT), DIGEST)
    with pytest.raises(Conflict):
        await awaited.bench.ask(OPEN)


async def test_an_upload_of_other_bytes_than_declared_is_refused_and_deleted(
    awaited: Scene,
) -> None:
    await upload(awaited, CONTENT)
    await finish(awaited, len(CONTENT))
    await judged(awaited, "sha256:" + "1" * 64)
    await awaited.bench.run_intents()
    error = (await shown(awaited)).error
    assert error is not None
    assert error.code == "image.digest"
    assert awaited.leftovers("s1") == []


async def test_an_upload_that_lacks_bytes_stays_open_and_says_so(awaited: Scene) -> None:
    await upload(awaited, CONTENT[:100])
    await finish(awaited, len(CONTENT))
    error = (await shown(awaited)).error
    assert error is not None
    assert error.code == "conflict.size"
    await upload(awaited, CONTENT)
    await finish(awaited, len(CONTENT))
    await judged(awaited, "sha256:" + "0" * 64)
    assert (await shown(awaited)).ready


async def test_finishing_what_was_never_sent_says_so(awaited: Scene) -> None:
    await awaited.bench.handle(FinishUpload(object=T1, size=1))
    error = (await shown(awaited)).error
    assert error is not None
    assert error.code == "conflict.no_upload"
    assert isinstance(await awaited.bench.ask(OPEN), UploadOpened)


async def test_an_upload_to_a_store_being_emptied_ends_with_that_reason(awaited: Scene) -> None:
    await upload(awaited, CONTENT)
    await awaited.bench.handle(EvacuateStore(store_id="s1"))
    await awaited.bench.run_timers("follow-evacuations")
    await awaited.bench.run_intents()
    error = (await shown(awaited)).error
    assert error is not None
    assert error.code == "conflict.leaving"
    assert awaited.leftovers("s1") == []


async def test_an_abandoned_upload_vanishes(awaited: Scene) -> None:
    await upload(awaited, CONTENT)
    seconds = awaited.bench.service.deps.settings.upload_seconds
    await awaited.pass_seconds(seconds - 60)
    assert isinstance(await awaited.bench.ask(OPEN), UploadOpened)
    await awaited.pass_seconds(seconds - 60)
    await awaited.bench.run_timers("abandon-uploads")
    assert not (await shown(awaited)).removed
    await awaited.pass_seconds(61)
    await awaited.bench.run_timers("abandon-uploads")
    await awaited.bench.run_intents()
    assert (await shown(awaited)).removed
    assert awaited.leftovers("s1") == []
    async with awaited.bench.tx() as tx:
        assert await tx.row("object", "template", "t1") is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("s3://bucket/import/other/disk", "not_authorized.not_own"),
        ("s3://bucket/disk", "not_authorized.not_own"),
        ("s3://bucket/import/acme/../other/disk", "not_authorized.not_own"),
        ("swift://bucket/import/acme//../../disk", "not_authorized.not_own"),
        ("nfs://server/export/disk", "invalid.url"),
        ("file:///etc/passwd", "invalid.url"),
    ],
)
async def test_what_an_account_may_not_name_is_refused(doored: Scene, url: str, code: str) -> None:
    await doored.bench.handle(doored.registration(url=url))
    error = (await shown(doored)).error
    assert error is not None
    assert error.code == code


async def test_an_object_of_no_known_server_is_refused_with_a_hint(doored: Scene) -> None:
    await doored.bench.handle(doored.registration(url="s3://bucket/import/acme/disk"))
    await doored.bench.run_intents()
    error = (await shown(doored)).error
    assert error is not None
    assert error.hint


async def test_an_upload_a_door_took_whole_is_finished_by_its_agent(awaited: Scene) -> None:
    opened = await awaited.bench.ask(OPEN.model_copy(update={"door": True}))
    assert isinstance(opened, UploadOpened)
    assert opened.url is not None
    await upload(awaited, CONTENT)
    token, claims = ticket_of(awaited, opened.url)
    taken = TakeUpload(grant_id=claims.grant_id, ticket=SecretStr(token), size=len(CONTENT))
    with pytest.raises(GrantRefused):
        await awaited.bench.ask(taken, source="agent/h2")
    for _ in range(2):
        assert await awaited.bench.ask(taken, source="agent/h1") == UploadTaken(
            grant_id=claims.grant_id
        )
    await awaited.bench.run_intents()
    await judged(awaited, "sha256:" + "0" * 64)
    assert (await shown(awaited)).ready
