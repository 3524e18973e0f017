"""Registering templates and ISOs: the same owner and rules as ``POST /v1/templates``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr, ValidationError
from stowage_contracts.messages.image_store import CopyToZone
from stowage_contracts.values import HypervisorKind, ImageFormat, ObjectRef
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.describing import Subject, describe
from api_gateway.cloudstack.errors import PARAMETER, UNSUPPORTED, Refused
from api_gateway.cloudstack.images import attributes
from api_gateway.cloudstack.images.kinds import ISO, NOUN, Kind
from api_gateway.cloudstack.images.words import check_url, digest_of, format_of, hypervisor_of
from api_gateway.cloudstack.images.zones import Where
from api_gateway.cloudstack.owners import acting
from api_gateway.orders import IMAGE_STORE
from api_gateway.routes.objects.bodies import NewTemplate
from api_gateway.routes.objects.nouns import NOUNS
from api_gateway.routes.objects.registering import Registration

_TEMPLATES = next(noun for noun in NOUNS if noun.name == NOUN)


@dataclass(frozen=True)
class Wanted:
    """A template or ISO as a command describes it."""

    kind: Kind
    where: Where
    url: str = ""
    """None is an upload."""


async def register(wanted: Wanted, ask: Ask, tx: Tx) -> dict[str, Any]:
    """State of what will be; raises Refused, StowageError."""
    change, body = attributes.first(wanted.kind, ask), _body(wanted, ask)
    principal = await acting(ask, tx)
    made = await Registration(_TEMPLATES, body, principal).make(tx, ask.deps)
    state: dict[str, Any] = made.model_dump(mode="json", exclude={"copy_id"})
    await describe(Subject.of(NOUN, state), change, tx)
    what = ObjectRef(kind=wanted.kind.kind, id=made.id)
    for zone_id in wanted.where.zones[1:]:
        await tx.say(CopyToZone(object=what, zone_id=zone_id), to=IMAGE_STORE)
    return state


def check_words(kind: Kind, ask: Ask) -> None:
    """Raises Refused for what no URL or zone has to be looked at for."""
    bootable = ask.flag("bootable") is not False
    if not ask.text("ostypeid") and not ask.flag("deployasis") and (kind is not ISO or bootable):
        raise Refused(PARAMETER, "Please pass a valid ostypeid")
    if not ask.flag("directdownload"):
        return
    if kind is not ISO and hypervisor_of(ask.text("hypervisor")) is not HypervisorKind.KVM:
        raise Refused(PARAMETER, "direct download is for hypervisor KVM only")
    raise Refused(
        UNSUPPORTED,
        "direct download is not supported: every image is verified and kept on an image store",
        hint="register without directdownload; hosts then read it from the store",
    )


def _body(wanted: Wanted, ask: Ask) -> NewTemplate:
    image = ImageFormat.ISO if wanted.kind is ISO else format_of(ask.text("format"))
    if (image is ImageFormat.ISO) != (wanted.kind is ISO):
        raise Refused(PARAMETER, f"format {image.value.upper()} is registered as the other kind")
    if wanted.url:
        check_url(wanted.url, image, ask.deps.settings.fetch_allow)
    store = ask.text("imagestoreuuid")
    fields: Mapping[str, Any] = {
        "name": ask.text("name"),
        "format": image,
        "url": SecretStr(wanted.url) if wanted.url else None,
        "upload": not wanted.url,
        "zone_id": wanted.where.first,
        "checksum": digest_of(ask.text("checksum")) if ask.text("checksum") else None,
        "store_ids": (store,) if store else (),
        "hypervisor": _hypervisor(wanted.kind, ask),
    }
    try:
        return NewTemplate.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Refused(PARAMETER, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _hypervisor(kind: Kind, ask: Ask) -> HypervisorKind:
    return HypervisorKind.NONE if kind is ISO else hypervisor_of(ask.text("hypervisor"))
