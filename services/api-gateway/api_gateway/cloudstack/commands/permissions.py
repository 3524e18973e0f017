"""Who else may use templates and ISOs."""

from collections.abc import Sequence
from dataclasses import dataclass

from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, One, Success
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.describing import (
    Change,
    Subject,
    describe,
    described,
    share,
    shared_with,
    unshare,
)
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.kinds import ISO, NOUN, TEMPLATE, Kind, owned
from api_gateway.cloudstack.owners import owners_of

_ADD, _REMOVE, _RESET = "add", "remove", "reset"
_OPERATIONS = (_ADD, _REMOVE, _RESET)


@dataclass(frozen=True)
class Permissions:
    """Commands on those of one kind."""

    kind: Kind

    async def update(self, ask: Ask) -> Answer:
        """Make one public, featured or extractable; let accounts in, or in no longer."""
        operation = _operation(ask)
        async with ask.desk.transaction() as tx:
            state = await owned(self.kind, ask, tx)
            accounts = await _accounts(ask, state, tx)
            await describe(Subject.of(NOUN, state), _change(ask, operation), tx)
            if operation == _ADD:
                await share(NOUN, state["id"], accounts, tx)
            elif operation == _REMOVE:
                await unshare(NOUN, state["id"], accounts, tx)
            elif operation == _RESET:
                await unshare(NOUN, state["id"], None, tx)
        return Success()

    async def list(self, ask: Ask) -> Answer:
        """Tell whether one is public, and which accounts were let in."""
        async with ask.desk.transaction() as tx:
            state = await owned(self.kind, ask, tx)
            told = await described(NOUN, [state["id"]], tx)
            accounts = await shared_with(NOUN, state["id"], tx)
            owners = await owners_of(tx, [state["account_id"], *accounts])
        return One(
            {
                "id": state["id"],
                "ispublic": told[state["id"]].public,
                "domainid": owners[state["account_id"]].domain_id,
                "account": [owners[key].account for key in accounts] or None,
            }
        )


def _operation(ask: Ask) -> str:
    """add, remove, reset or nothing; raises Refused for what does not go together."""
    operation, named = ask.text("op").lower(), bool(ask.items("accounts"))
    if operation not in ("", *_OPERATIONS):
        raise Refused(PARAMETER, f"Invalid operation on accounts: op is one of {_OPERATIONS}")
    if ask.items("projectids"):
        raise Refused(PARAMETER, "there are no projects here: name accounts")
    if named and operation not in (_ADD, _REMOVE):
        raise Refused(PARAMETER, "accounts go with op add or remove")
    if operation in (_ADD, _REMOVE) and not named:
        raise Refused(PARAMETER, f"op {operation} needs accounts")
    if ask.flag("isfeatured") is not None and not ask.caller.admin:
        raise Refused(PARAMETER, "only a root admin may say isfeatured")
    return operation


def _change(ask: Ask, operation: str) -> Change:
    """A reset takes back that it is public, unless the same command says it anew."""
    public = ask.flag("ispublic")
    reset = operation == _RESET and public is None
    return Change(
        public=False if reset else public,
        featured=ask.flag("isfeatured"),
        extractable=ask.flag("isextractable"),
    )


async def _accounts(ask: Ask, state: State, tx: Tx) -> Sequence[str]:
    """Ids of the named accounts, of the owner's domain."""
    owner = (await owners_of(tx, [state["account_id"]]))[state["account_id"]]
    found: list[str] = []
    for name in ask.items("accounts"):
        ids = [row["id"] for row in await tx.rows("accounts_named", name, owner.domain_id)]
        if not ids:
            raise Refused(
                PARAMETER,
                f"Unable to find account {name[:64]} in domain {owner.domain}, "
                "no permissions were changed",
            )
        if state["account_id"] in ids:
            raise Refused(PARAMETER, f"account {name[:64]} owns it: its permissions stay")
        found += ids
    return found


def _commands(kind: Kind, word: str) -> tuple[Command, ...]:
    permissions, missing = Permissions(kind), "projects: there are none here"
    return (
        Command(f"update{word}Permissions", permissions.update, missing=missing),
        Command(f"list{word}Permissions", permissions.list, missing=missing),
    )


COMMANDS = (*_commands(TEMPLATE, "Template"), *_commands(ISO, "Iso"))
