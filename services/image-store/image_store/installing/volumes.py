"""Volumes made of templates: whose id it is, how they are made, their rows."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.plugins.template_install_strategy import InstallAsk
from stowage_contracts.values import HopMethod, ImageFormat, ObjectKind, ObjectRef
from stowage_contracts.views import InstallView
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.installing.choosing import Choice, choose
from image_store.installing.sites import Site
from image_store.objects.rows import NewRef, add_object, add_ref
from image_store.store import need, object_row


@dataclass(frozen=True)
class Way:
    """How a volume that was begun is made."""

    method: HopMethod
    base: ImageFormat | None


def object_ref(message: RequestCopy) -> ObjectRef:
    """The volume that is asked for."""
    return ObjectRef(kind=ObjectKind.VOLUME, id=str(message.volume_id))


def way_of(ref: Record) -> Way:
    """As it was chosen when the volume was begun."""
    kept = ref["install"] or {}
    base = kept.get("base")
    return Way(HopMethod(kept.get("method", "copy")), ImageFormat(base) if base else None)


async def choice_of(site: Site, format: ImageFormat, tx: Tx, deps: Deps) -> Choice:
    """What the strategies say; raises NoStrategy."""
    held = await site.held(tx)
    wanted = InstallAsk(
        template_id=site.template["id"],
        source_format=site.template["format"],
        wanted=format,
        pool=site.view,
        held=held["format"] if held else None,
    )
    return choose(wanted, deps.installers)


async def check_free(message: RequestCopy, site: Site, tx: Tx) -> None:
    """Raises Conflict unless the id is free for a volume."""
    known = await tx.row("object", ObjectKind.VOLUME, message.volume_id)
    if known is not None or await tx.value("id_taken", message.volume_id, ObjectKind.VOLUME):
        raise _taken(site.pool["id"])


async def add(new: NewRef, site: Site, how: tuple[Choice, Record | None], tx: Tx) -> Record:
    """A volume lives on pools only; image stores know nothing of it."""
    choice, base = how
    template, overlay = site.template, choice.plan.method is HopMethod.BACKING
    added = await add_object(
        tx,
        new.what,
        account_id=new.account_id,
        name=new.what.id,
        format=new.format,
        hypervisor=template["hypervisor"],
        scope_type="zone",
        zones=[site.pool["zone_id"]],
        origin="pool",
        template_id=template["id"],
    )
    if not added:
        raise _taken(site.pool["id"])
    ref = await add_ref(tx, new)
    view = InstallView(
        strategy=choice.strategy,
        method=choice.plan.method,
        stands_on=template["id"] if overlay else None,
        answers=choice.answers,
    )
    kept = {**view.model_dump(mode="json"), "base": choice.plan.base}
    await tx.run("ref_installs", ref["id"], kept, base["id"] if base and overlay else None)
    return await need(tx, "ref", ref["id"])


async def check_same(message: RequestCopy, site: Site, known: Record, tx: Tx) -> None:
    """What is there, or on its way, must be what is asked for, by its own account."""
    if known["account_id"] != message.account_id:
        raise _taken(known["store_id"])
    template_id = (await object_row(tx, known))["template_id"]
    wanted = ImageFormat(message.format or site.template["format"])
    if (template_id, known["format"]) != (message.template_id, wanted):
        raise Conflict(
            f"{known['object_id']} is there as {known['format']} of template {template_id}",
            code="exists",
            resource=f"store/{known['store_id']}",
            hint="ask for that format, or for a volume of another id",
        )


def _taken(store_id: str) -> Conflict:
    return Conflict(
        "the volume id is taken",
        code="exists",
        resource=f"store/{store_id}",
        hint="ask for a volume of another id",
    )
