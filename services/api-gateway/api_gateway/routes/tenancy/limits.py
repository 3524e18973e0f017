"""How much accounts and domains may have."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import InvalidInput
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.limits import UNLIMITED, Kind, set_limit
from api_gateway.routes.tenancy.bodies import Limits
from api_gateway.tenancy.accounts import find_account, managed_account
from api_gateway.tenancy.domains import find_domain, require_manager

Find = Callable[[str, Principal, Tx], Awaitable[Record]]
_FIELDS = {
    "templates": Kind.TEMPLATE,
    "volumes": Kind.VOLUME,
    "snapshots": Kind.SNAPSHOT,
    "secondary_storage_gib": Kind.SECONDARY_STORAGE,
}


async def _managed_domain(key: str, principal: Principal, tx: Tx) -> Record:
    domain = await find_domain(key, principal, tx)
    require_manager(principal, domain)
    return domain


@dataclass(frozen=True)
class Bounding:
    """The routes of one noun's limits."""

    noun: str
    find: Find
    managed: Find

    async def show(self, call: Call, desk: Desk, deps: Deps) -> Limits:
        """What bounds one; null where nothing does."""
        async with desk.transaction() as tx:
            found = await self.find(call.path["id"], call.principal, tx)
            return await self._limits(found["id"], tx)

    async def change(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Set all limits of one; what it has already stays."""
        call.principal.require_manager()

        async def make(tx: Tx) -> Limits:
            found = await self.managed(call.path["id"], call.principal, tx)
            own = {"account": call.principal.account_id, "domain": call.principal.domain_id}
            if found["id"] == own[self.noun]:
                call.principal.require_admin()
            await self._set(found["id"], call.body, tx)
            return await self._limits(found["id"], tx)

        return await accept(call, desk, deps, make)

    async def _set(self, key: str, wanted: Limits, tx: Tx) -> None:
        if self.noun == "domain" and wanted.secondary_storage_gib is not None:
            raise InvalidInput("bytes are bounded by account, not by domain", code="limit")
        before = await self._limits(key, tx)
        for name, kind in _FIELDS.items():
            most = getattr(wanted, name)
            if most != getattr(before, name):
                await set_limit(tx, (self.noun, key), kind, UNLIMITED if most is None else most)

    async def _limits(self, key: str, tx: Tx) -> Limits:
        whose = ([key], []) if self.noun == "account" else ([], [key])
        found = {row["type"]: row["max"] for row in await tx.rows("limits_of", *whose)}
        return Limits(**{name: found.get(kind) for name, kind in _FIELDS.items()})

    def routes(self) -> tuple[Route[Deps], ...]:
        """Both."""
        path, tags = f"/v1/{self.noun}s/{{id}}/limits", ("accounts",)
        one = f"limits of {'an' if self.noun == 'account' else 'a'} {self.noun}"
        return (
            Route("GET", path, self.show, f"Show the {one}", reply=Limits, tags=tags),
            Route("PUT", path, self.change, f"Set the {one}", body=Limits, reply=Limits, tags=tags),
        )


ROUTES: tuple[Route[Deps], ...] = (
    *Bounding("account", find_account, managed_account).routes(),
    *Bounding("domain", find_domain, _managed_domain).routes(),
)
