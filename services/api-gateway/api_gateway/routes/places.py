"""Zones, pods and clusters."""

from pydantic import BaseModel
from stowage_contracts.messages.image_store import AddCluster, AddPod, AddZone
from stowage_contracts.values import HypervisorKind, Id, Name, new_id
from stowage_contracts.views import ClusterView, PodView, ZoneView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.filters import NamedQuery
from api_gateway.idempotency import accept
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import Match, Page, page, pending, reference, show, shown


class NewZone(Given):
    """A zone to create."""

    id: Id | None = None
    name: Name


class NewPod(Given):
    """A pod to create."""

    id: Id | None = None
    name: Name
    zone_id: Id


class NewCluster(Given):
    """A cluster to create; all its hosts run one hypervisor."""

    id: Id | None = None
    name: Name
    pod_id: Id
    hypervisor: HypervisorKind


async def add_zone(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a zone."""
    call.principal.require_admin()
    return await accept(call, desk, deps, lambda tx: create_zone(call.body, tx))


async def create_zone(body: NewZone, tx: Tx) -> ZoneView:
    """The row and the command; raises Conflict."""
    zone = ZoneView(id=body.id or new_id(), name=body.name)
    await pending(tx, "zone", zone)
    await tx.say(AddZone(zone_id=zone.id, name=zone.name), to=IMAGE_STORE)
    return zone


async def add_pod(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a pod in a zone."""
    call.principal.require_admin()
    return await accept(call, desk, deps, lambda tx: create_pod(call.body, call.principal, tx))


async def create_pod(body: NewPod, principal: Principal, tx: Tx) -> PodView:
    """The row and the command; raises NotFound, Conflict."""
    pod = PodView(id=body.id or new_id(), name=body.name, zone_id=body.zone_id)
    await reference("zone", pod.zone_id, principal, tx)
    await pending(tx, "pod", pod)
    command = AddPod(pod_id=pod.id, zone_id=pod.zone_id, name=pod.name)
    await tx.say(command, to=IMAGE_STORE)
    return pod


async def add_cluster(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a cluster in a pod."""
    call.principal.require_admin()
    return await accept(call, desk, deps, lambda tx: create_cluster(call.body, call.principal, tx))


async def create_cluster(body: NewCluster, principal: Principal, tx: Tx) -> ClusterView:
    """The row and the command; raises NotFound, Conflict."""
    pod = await reference("pod", body.pod_id, principal, tx)
    cluster = ClusterView(
        id=body.id or new_id(),
        name=body.name,
        pod_id=body.pod_id,
        zone_id=pod["zone_id"],
        hypervisor=body.hypervisor,
    )
    await pending(tx, "cluster", cluster)
    command = AddCluster(
        cluster_id=cluster.id, pod_id=body.pod_id, name=body.name, hypervisor=body.hypervisor
    )
    await tx.say(command, to=IMAGE_STORE)
    return cluster


class InZoneQuery(NamedQuery):
    """Which of what lies in zones."""

    zone_id: Id | None = None

    def any_of(self) -> list[Match]:
        """As its own fields say."""
        return [self.given(*(self.model_fields_set - NamedQuery.model_fields.keys()))]


class ClustersQuery(InZoneQuery):
    """Which clusters."""

    pod_id: Id | None = None
    hypervisor: HypervisorKind | None = None


def readers(
    noun: str, view: type[BaseModel], listing: type[BaseModel], query: type[NamedQuery] = NamedQuery
) -> tuple[Route[Deps], ...]:
    """List and show of a noun that anybody may see."""

    async def list_all(call: Call, desk: Desk, deps: Deps) -> BaseModel:
        return await page(noun, call, desk)

    async def show_one(call: Call, desk: Desk, deps: Deps) -> Reply:
        return shown(await show(noun, call.path["id"], call, desk))

    tag = f"{noun}s"
    path = f"/v1/{tag}"
    return (
        Route("GET", path, list_all, f"List {tag}", query=query, reply=listing, tags=(tag,)),
        Route("GET", f"{path}/{{id}}", show_one, f"Show a {noun}", reply=view, tags=(tag,)),
    )


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/zones",
        add_zone,
        "Create a zone",
        body=NewZone,
        reply=ZoneView,
        status=202,
        tags=("zones",),
    ),
    *readers("zone", ZoneView, Page[ZoneView]),
    Route(
        "POST",
        "/v1/pods",
        add_pod,
        "Create a pod",
        body=NewPod,
        reply=PodView,
        status=202,
        tags=("pods",),
    ),
    *readers("pod", PodView, Page[PodView], InZoneQuery),
    Route(
        "POST",
        "/v1/clusters",
        add_cluster,
        "Create a cluster",
        body=NewCluster,
        reply=ClusterView,
        status=202,
        tags=("clusters",),
    ),
    *readers("cluster", ClusterView, Page[ClusterView], ClustersQuery),
)
