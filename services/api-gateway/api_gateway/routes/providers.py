"""Providers: what stores can be made with, each with the form to fill in."""

from pydantic import BaseModel
from stowage_contracts.errors import NotFound
from stowage_contracts.values import StoreRole
from stowage_contracts.views import ProviderView
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import is_id
from api_gateway.deps import Deps
from api_gateway.filters import NamedQuery
from api_gateway.resources import Match, Page, State, page


class ProvidersQuery(NamedQuery):
    """Which providers."""

    role: StoreRole | None = None

    def any_of(self) -> list[Match]:
        """One of its roles."""
        return [{"roles": [self.role]} if self.role else {}]


async def list_providers(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """Providers of stores of one role, or all."""
    return await page("provider", call, desk)


async def show_provider(call: Call, desk: Desk, deps: Deps) -> State:
    """A provider; ``settings`` is a JSON Schema whose secret fields are ``writeOnly``."""
    name = call.path["id"]
    async with desk.transaction() as tx:
        row = await tx.row("provider", name) if is_id(name) else None
    if row is None:
        raise NotFound("no such provider", resource=f"provider/{name[:64]}")
    return State(row["state"])


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/providers",
        list_providers,
        "List providers of stores",
        query=ProvidersQuery,
        reply=Page[ProviderView],
        tags=("providers",),
    ),
    Route(
        "GET",
        "/v1/providers/{id}",
        show_provider,
        "Show a provider and its form",
        reply=ProviderView,
        tags=("providers",),
    ),
)
