"""Where clients POST an image: an agent's door, by headers that are signed.

The link's token travels in two halves, as metadata and signature.
"""

from typing import Any

from asyncpg import Record
from stowage_contracts.errors import StowageError
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import OpenUpload, UploadOpened
from stowage_contracts.values import ObjectRef
from yarl import URL

from api_gateway.cloudstack.answers import Row
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import INTERNAL, Refused, text_of
from api_gateway.cloudstack.waiting import heard
from api_gateway.orders import IMAGE_STORE, ref_of
from api_gateway.orders import ask as ask_owner

_PATH = "upload"


def one_zone(ask: Ask) -> str:
    """The zone it is uploaded to; raises Refused."""
    zone_id = ask.text("zoneid")
    if zone_id == "-1":
        raise Refused(INTERNAL, "an upload goes to one zone: name it")
    return zone_id


async def params(ask: Ask, state: dict[str, Any], delete: Message) -> Row:
    """GetUploadParamsResponse of what was registered as an upload just now.

    Raises Refused (530) where nothing can take it; then ``delete`` is said, and nothing stays.
    """
    what = ref_of(state)
    try:
        row = await heard(ask, what.noun, what.id, _spoken)
        _check(row["state"])
        question = OpenUpload(object=what, account_id=state["account_id"], door=True)
        return _shown(what, await ask_owner(ask.desk, question, UploadOpened))
    except StowageError as error:
        async with ask.desk.transaction() as tx:
            await tx.say(delete, to=IMAGE_STORE)
        raise Refused(INTERNAL, f"nothing can take the upload: {text_of(error)}") from None


def _spoken(row: Record) -> bool:
    return bool(row["sequence"] > 0)


def _check(state: dict[str, Any]) -> None:
    if state.get("error"):
        raise Refused(INTERNAL, state["error"]["cause"], hint=state["error"].get("hint", ""))


def _shown(what: ObjectRef, answer: UploadOpened) -> Row:
    assert answer.url is not None  # a door was asked for
    url = URL(answer.url.get_secret_value())
    metadata, _, signature = url.name.partition(".")
    return {
        "id": what.id,
        "postURL": str(url.parent.parent / _PATH / what.id),
        "metadata": metadata,
        "signature": signature,
        "expires": answer.expires.isoformat(),
    }
