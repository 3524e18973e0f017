"""Commands of CloudStack before 4.2, which its clients still call."""

from stowage_contracts.values import StoreRole

from api_gateway.cloudstack.adding import Wanted, in_zone
from api_gateway.cloudstack.answers import Answer, Rows
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.image_stores import added, listed

_AMAZON = "s3.amazonaws.com"


async def add_secondary_storage(ask: Ask) -> Answer:
    """Add an NFS image store."""
    scope = in_zone(ask.text("zoneid"))
    return await added(Wanted("NFS", ask.pairs("details"), scope, ask.text("url")), ask)


async def add_s3(ask: Ask) -> Answer:
    """Add an S3 image store for the region."""
    given = {name: str(value) for name, value in ask.values.items()}
    return await added(Wanted("S3", {"endpoint": _AMAZON, **given}, in_zone("")), ask)


async def add_swift(ask: Ask) -> Answer:
    """Add a Swift image store for the region."""
    given = {name: str(value) for name, value in ask.values.items() if name != "url"}
    return await added(Wanted("Swift", given, in_zone(""), ask.text("url")), ask)


async def list_s3s(ask: Ask) -> Answer:
    """List S3 image stores."""
    return await listed(StoreRole.IMAGE, ask, provider="S3")


async def list_swifts(ask: Ask) -> Answer:
    """List Swift image stores."""
    if ask.number("id") is not None:  # a number names none of ours
        return Rows([], 0)
    return await listed(StoreRole.IMAGE, ask, provider="Swift")


COMMANDS = (
    Command("addSecondaryStorage", add_secondary_storage, deprecated="addImageStore"),
    Command("addS3", add_s3, deprecated="addImageStoreS3"),
    Command("addSwift", add_swift, deprecated="addImageStore"),
    Command("listS3s", list_s3s, deprecated="listImageStores"),
    Command(
        "listSwifts",
        list_swifts,
        missing="numeric ids, of which there are none",
        deprecated="listImageStores",
    ),
)
