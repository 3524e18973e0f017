"""Templates and ISOs: one noun, two sets of commands; who may see one and who may change it."""

from dataclasses import dataclass
from typing import Any

from stowage_contracts.values import ObjectKind
from stowage_runtime.handling.tx import Tx

from api_gateway.bodies import is_id
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.describing import lets_in
from api_gateway.cloudstack.errors import FORBIDDEN, PARAMETER, Refused

NOUN = "template"


@dataclass(frozen=True)
class Kind:
    """What differs between them on the wire."""

    kind: ObjectKind
    word: str
    """In messages."""
    done: str
    """Status of one that is there."""
    other: str

    @property
    def key(self) -> str:
        """Of the object in an envelope."""
        return self.kind.value


TEMPLATE = Kind(ObjectKind.TEMPLATE, "Template", "Download Complete", "an ISO")
ISO = Kind(ObjectKind.ISO, "ISO", "Successfully Installed", "a Template")


async def seen(kind: Kind, ask: Ask, tx: Tx, name: str = "id") -> dict[str, Any]:
    """State of what a parameter names, if the caller may use it; raises Refused (431)."""
    state, _ = await _found(kind, ask, tx, name)
    return state


async def owned(kind: Kind, ask: Ask, tx: Tx, name: str = "id") -> dict[str, Any]:
    """As ``seen``, if the caller may change it; raises Refused (431, 531)."""
    state, own = await _found(kind, ask, tx, name)
    if not own:
        cause = f"the caller has no rights to change {kind.word} {state['id']}"
        raise Refused(FORBIDDEN, cause, resource=f"{NOUN}/{state['id']}")
    return state


async def _found(kind: Kind, ask: Ask, tx: Tx, name: str) -> tuple[dict[str, Any], bool]:
    key = ask.text(name)
    row = await tx.row("resource", NOUN, key) if is_id(key) else None
    if row is None or row["removed"] or row["state"].get("removed"):
        raise unknown(kind, ask, name)
    own = ask.principal.may_see(row["account_id"])
    if not own and not await lets_in(NOUN, key, [ask.principal.account_id], tx):
        raise unknown(kind, ask, name)
    if row["state"]["kind"] != kind.kind:
        raise Refused(PARAMETER, f"{key} is {kind.other}; this command is for the other kind")
    return row["state"], own


def unknown(kind: Kind, ask: Ask, name: str) -> Refused:
    """In CloudStack's words, also of what is others'."""
    key = ask.text(name)[:64]
    return Refused(
        PARAMETER,
        f"Unable to execute API command {ask.wire.name.lower()} due to invalid value. Invalid "
        f"parameter {name} value={key} due to incorrect long value format, or entity does not "
        "exist or due to incorrect parameter annotation for the field in api cmd class.",
        resource=f"{NOUN}/{key}",
    )
