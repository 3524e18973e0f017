"""Uploads as CloudStack's clients ask for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    DeleteTemplate,
    OpenUpload,
    RegisterTemplate,
    UploadOpened,
)

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack, Reply
from tests.unit.api_gateway.cloudstack.images import FAILED, NEW, NEW_ISO, Bench, cloud, owner_says

UPLOAD = {name: text for name, text in NEW.items() if name != "url"}
COMMAND = "getUploadParamsForTemplate"


@pytest.fixture(autouse=True)
async def _cloud(bench: Bench) -> None:
    await cloud(bench)


def opened(question: Message) -> UploadOpened:
    assert isinstance(question, OpenUpload)
    assert question.door
    url = SecretStr("https://door.example:8443/u/bWV0YQ.c2ln")
    return UploadOpened(object=question.object, url=url, expires=words.LATER)


def no_door(question: Message) -> UploadOpened:
    raise Unavailable("no agent with a door sees the store", code="no_door")


async def registration(bench: Bench) -> RegisterTemplate:
    async with asyncio.timeout(10):
        while not (said := await bench.said(RegisterTemplate)):
            await asyncio.sleep(0.02)
    (one,) = said
    assert isinstance(one, RegisterTemplate)
    return one


@asynccontextmanager
async def asked(
    cs: CloudStack, bench: Bench, command: str, **params: Any
) -> AsyncIterator[tuple[RegisterTemplate, asyncio.Task[Reply]]]:
    """The command under way, its registration said."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cs.call(command, **params))
        yield await registration(bench), task


async def said_of(bench: Bench, said: RegisterTemplate, **changes: Any) -> None:
    fields = {"upload": True, "ready": False, "replicas": [], "zones": [], **changes}
    await owner_says(bench, said.template_id, **fields)


@pytest.mark.parametrize(
    ("command", "params", "envelope"),
    [
        (COMMAND, UPLOAD, "postuploadtemplateresponse"),
        ("getUploadParamsForIso", {**NEW_ISO, "format": "ISO"}, "postuploadisoresponse"),
    ],
)
async def test_a_door_is_told_with_its_signed_headers(
    cs: CloudStack, bench: Bench, command: str, params: dict[str, Any], envelope: str
) -> None:
    bench.bus.replies[OpenUpload] = opened
    async with asked(cs, bench, command, **params, checksum="0" * 32) as (said, task):
        assert (said.sealed_url, said.checksum) == ("", "md5:" + "0" * 32)
        await said_of(bench, said)
    reply = task.result()
    assert (reply.status, reply.envelope) == (200, envelope)
    assert reply.body["getuploadparams"] == {
        "id": said.template_id,
        "postURL": f"https://door.example:8443/upload/{said.template_id}",
        "metadata": "bWV0YQ",
        "signature": "c2ln",
        "expires": words.LATER.isoformat(),
    }
    assert await bench.said(DeleteTemplate) == []


async def test_nothing_stays_of_an_upload_nobody_can_take(cs: CloudStack, bench: Bench) -> None:
    bench.bus.replies[OpenUpload] = no_door
    async with asked(cs, bench, COMMAND, **UPLOAD) as (said, task):
        await said_of(bench, said)
    assert task.result().error[0] == 530
    assert "no agent with a door" in task.result().error[1]
    assert await bench.said(DeleteTemplate) == [DeleteTemplate(template_id=said.template_id)]


async def test_what_its_owner_refuses_is_refused(cs: CloudStack, bench: Bench) -> None:
    async with asked(cs, bench, COMMAND, **UPLOAD) as (said, task):
        await said_of(bench, said, error=FAILED)
    assert task.result().error[0] == 530
    assert "the source answered 404" in task.result().error[1]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"zoneid": "-1"}, 530),
        ({"zoneid": "z9"}, 431),
        ({"zoneid": "z3"}, 431),
        ({"format": "TAR"}, 431),
        ({"checksum": "x"}, 431),
    ],
)
async def test_uploads_that_make_no_sense_are_refused(
    cs: CloudStack, bench: Bench, wrong: dict[str, Any], code: int
) -> None:
    await bench.handle(words.zone("z3", "no store"), sequence=1)
    assert (await cs.call(COMMAND, **{**UPLOAD, **wrong})).error[0] == code
    assert await bench.said() == []
