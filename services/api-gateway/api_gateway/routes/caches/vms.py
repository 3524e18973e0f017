"""Transport VMs as they come and go; operators only."""

from pydantic import BaseModel
from stowage_contracts.caching import TransportVmView, VmState
from stowage_contracts.values import Id
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.filters import TimedQuery
from api_gateway.resources import Match, Page, page, show, shown

NOUN = "transport_vm"


class VmsQuery(TimedQuery):
    """Which transport VMs."""

    fleet_id: Id | None = None
    host_id: Id | None = None
    state: VmState | None = None

    def any_of(self) -> list[Match]:
        """One state's part."""
        return [self.given("fleet_id", "host_id", "state")]


async def list_vms(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """Those not proven gone."""
    call.principal.require_admin()
    return await page(NOUN, call, desk)


async def show_vm(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A transport VM, also one that is gone."""
    call.principal.require_admin()
    return shown(await show(NOUN, call.path["id"], call, desk))


_TAGS = ("caches",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/transport-vms",
        list_vms,
        "List transport VMs",
        query=VmsQuery,
        reply=Page[TransportVmView],
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/transport-vms/{id}",
        show_vm,
        "Show a transport VM",
        reply=TransportVmView,
        tags=_TAGS,
    ),
)
