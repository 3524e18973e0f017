"""createTemplate: of a snapshot or volume that image stores hold."""

from dataclasses import replace
from typing import Any

from stowage_contracts.messages.image_store import MakeTemplate
from stowage_contracts.values import HypervisorKind, ObjectKind, ObjectRef, Scope, new_id
from stowage_contracts.views import CopyView, TemplateView
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.describing import Subject, describe
from api_gateway.cloudstack.errors import PARAMETER, UNSUPPORTED, Refused
from api_gateway.cloudstack.images import attributes
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.kinds import NOUN, TEMPLATE
from api_gateway.cloudstack.jobs import start
from api_gateway.cloudstack.owners import acting
from api_gateway.limits import reserve_count
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import pending


async def create(ask: Ask) -> Answer:
    """Make a template of a snapshot or volume that an image store holds."""
    noun = _noun(ask)
    change = attributes.first(TEMPLATE, ask)
    async with ask.desk.transaction() as tx:
        source = await ask.entity(f"{noun}id", noun, tx)
        _check(noun, source)
        scope = await _scope(ask, source, tx)
        view = await _view(ask, source, scope, tx)
        await _order(view, source, tx)
        told = replace(change, attributes={**change.attributes, **_made_of(source)})
        await describe(Subject(NOUN, view.id, view.account_id), told, tx)
        return await start(ask, tx, NOUN, view.id)


def _noun(ask: Ask) -> str:
    """What it is made of; raises Refused unless the command names one thing."""
    if ask.text("virtualmachineid"):
        raise Refused(UNSUPPORTED, "templates are not supported to be made of instances here")
    given = [noun for noun in ("snapshot", "volume") if ask.text(f"{noun}id")]
    if len(given) != 1:
        raise Refused(PARAMETER, "Failed to create private template: give a snapshotid or volumeid")
    if ask.text("zoneid") and given != ["snapshot"]:
        raise Refused(PARAMETER, "zoneid goes with a snapshotid")
    return given[0]


def _check(noun: str, source: State) -> None:
    where = f"{noun}/{source['id']}"
    if source.get("parent_id"):
        raise Refused(
            PARAMETER,
            "the snapshot stands on another one: it is no image by itself",
            resource=where,
            hint="make the template of a full snapshot",
        )
    if not source["ready"]:
        raise Refused(
            PARAMETER,
            f"the {noun} is not ready on an image store",
            resource=where,
            hint=f"wait until it is, or move the {noun} to an image store first",
        )


def _made_of(source: State) -> dict[str, Any]:
    template = source.get("template_id")
    return {"sourcetemplateid": template} if template else {}


async def _scope(ask: Ask, source: State, tx: Tx) -> Scope:
    if not ask.text("zoneid"):
        return Scope.model_validate(source["scope"])
    zone = await ask.entity("zoneid", "zone", tx)
    return Scope.zone(zone["id"])


async def _view(ask: Ask, source: State, scope: Scope, tx: Tx) -> TemplateView:
    principal = await acting(ask, tx)
    return TemplateView(
        id=new_id(),
        account_id=principal.account_id,
        name=ask.text("name"),
        format=source["format"],
        scope=scope,
        hypervisor=await _hypervisor(source, tx),
        created=tx.now,
    )


async def _hypervisor(source: State, tx: Tx) -> HypervisorKind:
    """That of the template the disk was once made of; KVM where nobody knows."""
    volume = source
    if source.get("volume_id"):
        row = await tx.row("resource", "volume", source["volume_id"])
        volume = row["state"] if row else {}
    template = await tx.row("resource", NOUN, volume.get("template_id") or "")
    known = template["state"].get("hypervisor") if template else None
    return HypervisorKind(known) if known else HypervisorKind.KVM


async def _order(view: TemplateView, source: State, tx: Tx) -> None:
    copy = CopyView(
        id=(copy_id := new_id()),
        leader_id=copy_id,
        account_id=view.account_id,
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id=view.id),
        source=f"{source['kind']}/{source['id']}",
        destination="an image store",
        state="requested",
        created=view.created,
    )
    await reserve_count(tx, view.account_id, NOUN)
    await pending(tx, NOUN, view, view.account_id)
    await pending(tx, "copy", copy, copy.account_id)
    command = MakeTemplate(
        template_id=view.id,
        account_id=view.account_id,
        name=view.name,
        format=view.format,
        hypervisor=view.hypervisor,
        scope=view.scope,
        source=ObjectRef(kind=source["kind"], id=source["id"]),
        copy_id=copy_id,
    )
    await tx.say(command, to=IMAGE_STORE)
