"""Doors of agents: how clients reach objects on stores that speak no HTTP."""

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.hypervisor_agent import LinkTicket
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end
from image_store.judging.reaching import opens

_HTTP = frozenset({"http", "https"})


def speaks_http(store: Record) -> bool:
    """Whether a store gives and takes bytes over HTTP itself, and needs no door."""
    return bool(_HTTP & set(DriverAbilities.model_validate(store["abilities"]).schemes))


async def door_url(
    tx: Tx, rows: tuple[Record, Record, Record], deps: Deps, file_name: str = ""
) -> SecretStr:
    """The URL at which an agent serves a (grant, replica, store); Unavailable without one."""
    grant, ref, store = rows
    host = await _doorkeeper(tx, store, writes=grant["writes"])
    ticket = LinkTicket(
        grant_id=grant["id"],
        host_id=host["id"],
        object=image_end(ref, store, grant["id"]),
        writes=grant["writes"],
        file_name=file_name,
        size=ref["reserved"] or None if grant["writes"] else ref["size"],
        expires=grant["expires"],
    )
    token = deps.signer.sign(ticket, grant["expires"]).get_secret_value()
    door = HostAbilities.model_validate(host["abilities"]).door.rstrip("/")
    return SecretStr(f"{door}/{'u' if grant['writes'] else 'o'}/{token}")


async def _doorkeeper(tx: Tx, store: Record, *, writes: bool) -> Record:
    for host in await tx.rows("hosts_with_door"):
        if opens(host, store, writes=writes):
            return host
    raise Unavailable(
        "no agent with a door sees the store",
        resource=f"store/{store['id']}",
        code="no_door",
        hint="set STOWAGE_AGENT_DOOR_LISTEN and STOWAGE_AGENT_DOOR_URL at one that does",
    )
