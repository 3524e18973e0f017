"""What a hypervisor would have to do and no agent carries today: refused, never pretended."""

from collections.abc import Awaitable, Callable

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, UNSUPPORTED, Refused


def refused(what: str, hint: str = "", **nouns: str) -> Callable[[Ask], Awaitable[Answer]]:
    """A command that only looks whether what its parameters name is there; then says no."""

    async def run(ask: Ask) -> Answer:
        async with ask.desk.transaction() as tx:
            for name, noun in nouns.items():
                if ask.text(name):
                    await ask.entity(name, noun, tx)
        raise Refused(UNSUPPORTED, f"{what} is not supported by this host", hint=hint)

    run.__doc__ = f"Refused: {what} is carried by no hypervisor's agent yet."
    return run


async def create_volume(ask: Ask) -> Answer:
    """Refused: no agent makes an empty disk, or a volume of a snapshot, yet."""
    if not ask.text("diskofferingid") and not ask.text("snapshotid"):
        raise Refused(PARAMETER, "Either disk offering id or snapshot id must be passed")
    async with ask.desk.transaction() as tx:
        if ask.text("snapshotid"):
            found = await ask.entity("snapshotid", "snapshot", tx)
            if not found["ready"]:
                raise Refused(PARAMETER, f"snapshot {found['id']} is not BackedUp")
            if not ask.text("zoneid"):
                raise Refused(PARAMETER, "zoneid is required to make a volume of a snapshot")
        if ask.text("zoneid"):
            await ask.entity("zoneid", "zone", tx)
    raise Refused(
        UNSUPPORTED,
        "making a volume of nothing or of a snapshot is not supported by this host",
        hint="volumes are made of templates: POST /v1/copies with a volume_id",
    )


_WHOLE = "all: no agent carries it yet"
COMMANDS = (
    Command("createVolume", create_volume, missing=_WHOLE),
    *(
        Command(name, refused(what, **nouns), missing=_WHOLE)
        for name, what, nouns in (
            ("resizeVolume", "resizing a volume", {"id": "volume"}),
            ("attachVolume", "attaching a volume", {"id": "volume"}),
            ("detachVolume", "detaching a volume", {"id": "volume"}),
            ("createSnapshot", "taking a snapshot", {"volumeid": "volume"}),
            ("revertSnapshot", "reverting to a snapshot", {"id": "snapshot"}),
        )
    ),
    Command(
        "createStoragePool",
        refused(
            "making a pool",
            "pools are reported by the agent that sees them: docs/how-to/add-a-host.md",
            zoneid="zone",
        ),
        missing="all: pools are reported by their hosts' agents",
    ),
)
