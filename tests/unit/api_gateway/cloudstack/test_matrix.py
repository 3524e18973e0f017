"""Who may do what by the query API: every command by an owner, by others and by admins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from api_gateway.cloudstack.commands import COMMANDS
from api_gateway.cloudstack.spec import WIRES
from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack, Reply
from tests.unit.api_gateway.cloudstack.people import NAMES, PASSWORD, domain, made, person

Bench = ServiceBench[Deps]


class Who(Enum):
    """Whose a command is."""

    ANYBODY = "anybody"
    OWNER = "the owner of what it names, and admins of its domain"
    LIST = "anybody; it shows what OWNER may see"
    MANAGER = "admins of the domain it is about"


@dataclass(frozen=True)
class Row:
    """A command as it is asked; ``{word}`` in a parameter is an id of the world."""

    who: Who
    params: Mapping[str, Any] = field(default_factory=dict)
    ends: int = 200
    """How it ends for anybody."""
    waits: bool = False
    """For an owner that is not here: only those who may not are asked to try."""


def own(**params: Any) -> Row:
    return Row(Who.OWNER, params)


def shows(**params: Any) -> Row:
    return Row(Who.LIST, params)


def manager(**params: Any) -> Row:
    return Row(Who.MANAGER, params)


ANY = Row(Who.ANYBODY)
URL = "http://images.example.org/x.qcow2"
NEW_IMAGE = {"name": "n", "zoneid": "z1", "format": "QCOW2", "hypervisor": "KVM", "ostypeid": "os"}
NEW_ISO = {"name": "n", "zoneid": "z1", "ostypeid": "os", "bootable": True}
OUT = {"mode": "HTTP_DOWNLOAD", "zoneid": "z1"}
USER = {"password": PASSWORD, **NAMES}
TABLE: Mapping[str, Row] = {
    "registerTemplate": Row(Who.ANYBODY, {**NEW_IMAGE, "url": URL}),
    "registerIso": Row(Who.ANYBODY, {**NEW_ISO, "url": "http://images.example.org/x.iso"}),
    "listTemplates": shows(templatefilter="self", id="t1", listall=True),
    "updateTemplate": own(id="t1", name="new"),
    "updateTemplatePermissions": own(id="t1", isextractable=True),
    "listTemplatePermissions": own(id="t1"),
    "copyTemplate": own(id="t1", sourcezoneid="z1", destzoneid="z2"),
    "extractTemplate": own(id="t1", **OUT),
    "deleteTemplate": own(id="t1"),
    "createTemplate": own(name="n", ostypeid="os", displaytext="n", snapshotid="n1", zoneid="z1"),
    "listIsos": shows(isofilter="self", id="i1", listall=True),
    "updateIso": own(id="i1", name="new"),
    "updateIsoPermissions": own(id="i1", isextractable=True),
    "listIsoPermissions": own(id="i1"),
    "copyIso": own(id="i1", sourcezoneid="z1", destzoneid="z2"),
    "extractIso": own(id="i1", **OUT),
    "attachIso": Row(Who.ANYBODY, {"id": "i1", "virtualmachineid": "vm1"}, 432),
    "detachIso": Row(Who.ANYBODY, {"id": "i1", "virtualmachineid": "vm1"}, 432),
    "deleteIso": own(id="i1"),
    "listVolumes": shows(id="v1", listall=True),
    "uploadVolume": Row(Who.ANYBODY, {"name": "n", "zoneid": "z1", "format": "QCOW2", "url": URL}),
    "createVolume": own(name="n", snapshotid="n1", zoneid="z1"),
    "updateVolume": own(id="v1", name="new"),
    "resizeVolume": own(id="v1", size=9),
    "attachVolume": own(id="v1", virtualmachineid="vm1"),
    "detachVolume": own(id="v1"),
    "migrateVolume": own(volumeid="v1", storageid="pool"),
    "extractVolume": own(id="v1", **OUT),
    "destroyVolume": own(id="v1"),
    "recoverVolume": own(id="v1"),
    "deleteVolume": Row(Who.OWNER, {"id": "v1"}, waits=True),
    "listSnapshots": shows(id="n1", listall=True),
    "createSnapshot": own(volumeid="v1"),
    "copySnapshot": own(id="n1", sourcezoneid="z1", destzoneid="z2"),
    "extractSnapshot": own(id="n1", zoneid="z1"),
    "archiveSnapshot": own(id="n1"),
    "revertSnapshot": own(id="n1"),
    "deleteSnapshot": own(id="n1"),
    "listAccounts": shows(id="{owner}"),
    "listUsers": shows(id="{user}"),
    "updateUser": own(id="{user}", firstname="New"),
    "getUserKeys": own(id="{user}"),
    "listDomains": ANY,
    "listResourceLimits": shows(account="owner", domainid="{d1}"),
    "getUser": manager(userapikey="{key}"),
    "updateAccount": manager(id="{spare}", networkdomain="x"),
    "disableAccount": manager(id="{spare}", lock=False),
    "lockAccount": manager(account="spare", domainid="{d1}"),
    "enableAccount": manager(id="{spare}"),
    "createAccount": manager(username="new", domainid="{d1}", accounttype=0, **USER),
    "createUser": manager(username="newer", account="spare", domainid="{d1}", userid="u1", **USER),
    "disableUser": manager(id="u1"),
    "enableUser": manager(id="u1"),
    "deleteUser": manager(id="u1"),
    "listDomainChildren": manager(id="{d1}"),
    "createDomain": manager(name="new", parentdomainid="{d1}"),
    "listRoles": manager(),
    "updateResourceLimit": manager(account="spare", domainid="{d1}", resourcetype=2, max=9),
    "updateResourceCount": manager(account="spare", domainid="{d1}", resourcetype=2),
    "deleteAccount": manager(id="{spare}"),
    "deleteDomain": manager(id="{spare_domain}"),
    "queryAsyncJobResult": own(jobid="{job}"),
    "listAsyncJobs": shows(listall=True, resourceid="t1", resourcetype="Template"),
    **dict.fromkeys(
        (
            "listZones",
            "listOsTypes",
            "listOsCategories",
            "listDiskOfferings",
            "listServiceOfferings",
            "listCapabilities",
            "listHypervisors",
            "listVirtualMachines",
            "listProjects",
            "listApis",
        ),
        ANY,
    ),
    "login": Row(Who.ANYBODY, {"username": "spare", "password": "wrong"}, 531),
    "logout": ANY,
    "registerUserKeys": own(id="{user}"),
}
"""Without those that only root admins have; in this order."""
ELSEWHERE = {f"getUploadParamsFor{noun}" for noun in ("Template", "Iso", "Volume")}
"""They name nothing of anybody, and wait for an owner that is not here."""
ASKED = {name: row for name, row in TABLE.items() if name.lower() in COMMANDS}


@dataclass(frozen=True)
class World:
    """One account's things, and those who ask for them."""

    callers: Mapping[str, CloudStack]
    ids: Mapping[str, str]

    async def ask(self, who: str, name: str) -> Reply:
        params = {
            key: value.format(**self.ids) if isinstance(value, str) else value
            for key, value in TABLE[name].params.items()
        }
        return await self.callers[who].post(name, **params)


@pytest.fixture
async def world(cs: CloudStack, api: Api, bench: Bench) -> World:
    d1, d2 = await domain(cs, "d1"), await domain(cs, "d2")
    spare_domain = await domain(cs, "spare", d1)
    owner, other = await person(cs, "owner", domainid=d1), await person(cs, "other", domainid=d1)
    boss = await person(cs, "boss", domainid=d1, accounttype=2)
    stranger = await person(cs, "stranger", domainid=d2, accounttype=2)
    spare = await made(cs, "spare", domainid=d1)
    await things(owner.account_id, bench)
    started = await owner.cs.post("deleteTemplate", id="t1")
    await bench.forget()
    bench.bus.replies.update(words.ANSWERS)
    callers = {
        "owner": owner.cs,
        "other": other.cs,
        "boss": boss.cs,
        "stranger": stranger.cs,
        "root": cs,
    }
    ids = {
        "owner": owner.account_id,
        "user": owner.user_id,
        "key": owner.cs.api_key,
        "d1": d1,
        "spare_domain": spare_domain,
        "spare": spare["id"],
        "job": started.body["jobid"],
    }
    return World(callers, ids)


async def things(account_id: str, bench: Bench) -> None:
    replica = {"store_id": "s1", "role": "Image", "state": "Ready"}
    ready = {"account_id": account_id, "ready": True, "replicas": [replica]}
    said = (
        words.zone("z1"),
        words.zone("z2", name="two"),
        words.store("s1"),
        words.pool("pool"),
        words.template("t1", **ready, format="qcow2"),
        words.template("i1", **ready, kind="iso", format="iso"),
        words.volume("v1", **ready),
        words.snapshot("n1", **ready, volume_id="v1"),
    )
    for message in said:
        await bench.handle(message, sequence=1)


def test_every_command_is_in_the_table() -> None:
    asked = {command.name for command in COMMANDS.values() if not command.wire.admin}
    assert asked <= {*TABLE, *ELSEWHERE}
    assert set(TABLE) <= set(WIRES)
    managers = {command.name for command in COMMANDS.values() if command.wire.manager}
    assert {name for name, row in TABLE.items() if row.who is Who.MANAGER} == managers


NOT_ONES_OWN = ("Invalid parameter", "no such", "no access", "no job")


def refused(reply: Reply) -> bool:
    """For whose it is, or for nothing of it being there."""
    text = reply.body.get("errortext", "")
    return reply.status in {431, 531} and any(words in text for words in NOT_ONES_OWN)


def through(reply: Reply) -> bool:
    """Done, or refused for what it is."""
    return reply.status < 500 and reply.status != 401 and not refused(reply)


async def wrong(world: World, who: str, right: Mapping[Who, Any]) -> dict[str, Reply]:
    """Answers that are not right for the caller."""
    found = {}
    for name, row in ASKED.items():
        if row.waits and right[row.who] is through:
            continue
        reply = await world.ask(who, name)
        expected = right[row.who](reply) if row.who in right else reply.status == row.ends
        if not expected:
            found[name] = reply
    return found


def shown(reply: Reply) -> bool:
    return reply.status == 200 and reply.body.get("count", 0) > 0


def hidden(reply: Reply) -> bool:
    return refused(reply) or reply.body == {}


def not_for_users(reply: Reply) -> bool:
    return reply.status == 432


async def test_an_owner_may_all_but_manage(world: World) -> None:
    right = {Who.OWNER: through, Who.LIST: shown, Who.MANAGER: not_for_users}
    assert await wrong(world, "owner", right) == {}


@pytest.mark.parametrize("who", ["boss", "root"])
async def test_admins_of_its_domain_get_through(world: World, who: str) -> None:
    right = {Who.OWNER: through, Who.LIST: shown, Who.MANAGER: through}
    assert await wrong(world, who, right) == {}


@pytest.mark.parametrize("who", ["other", "stranger"])
async def test_others_find_nothing_and_change_nothing(world: World, bench: Bench, who: str) -> None:
    managing = not_for_users if who == "other" else refused
    right = {Who.OWNER: refused, Who.LIST: hidden, Who.MANAGER: managing}
    found = await wrong(world, who, right)
    assert {name: reply.status for name, reply in found.items()} == (
        {"listRoles": 200} if who == "stranger" else {}
    )
    said = {type(message).__name__ for message in await bench.said()}
    assert said <= {"RegisterTemplate", "RegisterVolume"}


async def test_only_root_admins_have_the_operators_commands(world: World) -> None:
    told = {
        (who, command.name): (await world.callers[who].post(command.name)).status
        for command in COMMANDS.values()
        if command.wire.admin
        for who in ("owner", "boss")
    }
    assert told
    assert set(told.values()) == {432}
