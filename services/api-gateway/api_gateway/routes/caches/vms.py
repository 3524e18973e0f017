"""Transport VMs as they come and go; operators only."""

from pydantic import BaseModel
from stowage_contracts.caching import TransportVmView, VmState
from stowage_contracts.values import Id
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.resources import Page, PageQuery, State, page, show

NOUN = "transport_vm"


class VmsQuery(PageQuery):
    """Which transport VMs."""

    fleet_id: Id | None = None
    host_id: Id | None = None
    state: VmState | None = None


async def list_vms(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """Those not proven gone."""
    call.principal.require_admin()
    wanted = call.query.model_dump(include={"fleet_id", "host_id", "state"}, exclude_none=True)
    return await page(NOUN, call, desk, [wanted])


async def show_vm(call: Call, desk: Desk, deps: Deps) -> State:
    """A transport VM, also one that is gone."""
    call.principal.require_admin()
    return State(await show(NOUN, call.path["id"], call, desk))


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
