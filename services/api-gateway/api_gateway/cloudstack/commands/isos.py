"""ISOs: registered, listed, changed, deleted."""

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import UNSUPPORTED, Refused
from api_gateway.cloudstack.images.following import when_gone
from api_gateway.cloudstack.images.kinds import ISO
from api_gateway.cloudstack.images.living import Images


async def attach(ask: Ask) -> Answer:
    """Attach an ISO to an instance: Stowage knows no instances."""
    raise Refused(
        UNSUPPORTED,
        "ISOs are not supported to be attached and detached by Stowage, which knows no instances",
        hint="let the hypervisor's manager do it; prepareTemplate and copies bring it near",
    )


async def detach(ask: Ask) -> Answer:
    """Detach an ISO from an instance: Stowage knows no instances."""
    return await attach(ask)


_ISOS, _NONE = Images(ISO), "there are no instances here: it is refused"
COMMANDS = (
    Command("registerIso", _ISOS.register, missing="directdownload, projectid, metalink URLs"),
    Command("listIsos", _ISOS.list, missing="tags and categories are there none of"),
    Command("updateIso", _ISOS.update, missing="another format; sortkey orders nothing"),
    Command(
        "deleteIso",
        _ISOS.delete,
        follow=when_gone,
        missing="a region-wide ISO is deleted from all zones only",
    ),
    Command("attachIso", attach, missing=_NONE),
    Command("detachIso", detach, missing=_NONE),
)
