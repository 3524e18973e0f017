"""Zones, pods and clusters."""

from typing import Any

from pydantic import RootModel
from stowage_contracts.messages.image_store import AddCluster, AddPod, AddZone
from stowage_contracts.topology import address
from stowage_contracts.values import HypervisorKind, Id, Name, ServiceName, Value, new_id
from stowage_contracts.views import ClusterView, PodView, ZoneView
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps
from api_gateway.resources import Page, PageQuery, accept, page, pending, show, state

IMAGE_STORE = address(ServiceName.IMAGE_STORE)


class State(RootModel[dict[str, Any]]):
    """The state of one resource."""


class NewZone(Value):
    """A zone to create."""

    id: Id | None = None
    name: Name


class NewPod(Value):
    """A pod to create."""

    id: Id | None = None
    name: Name
    zone_id: Id


class NewCluster(Value):
    """A cluster to create; all its hosts run one hypervisor."""

    id: Id | None = None
    name: Name
    pod_id: Id
    hypervisor: HypervisorKind


async def add_zone(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a zone."""
    call.principal.require_admin()
    zone = ZoneView(id=call.body.id or new_id(), name=call.body.name)

    async def make(tx: Tx) -> ZoneView:
        await pending(tx, "zone", zone)
        await tx.say(AddZone(zone_id=zone.id, name=zone.name), to=IMAGE_STORE)
        return zone

    return await accept(call, desk, make)


async def add_pod(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a pod in a zone."""
    call.principal.require_admin()
    body: NewPod = call.body
    pod = PodView(id=body.id or new_id(), name=body.name, zone_id=body.zone_id)

    async def make(tx: Tx) -> PodView:
        await state("zone", pod.zone_id, call, tx)
        await pending(tx, "pod", pod)
        command = AddPod(pod_id=pod.id, zone_id=pod.zone_id, name=pod.name)
        await tx.say(command, to=IMAGE_STORE)
        return pod

    return await accept(call, desk, make)


async def add_cluster(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a cluster in a pod."""
    call.principal.require_admin()
    body: NewCluster = call.body

    async def make(tx: Tx) -> ClusterView:
        pod = await state("pod", body.pod_id, call, tx)
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

    return await accept(call, desk, make)


def readers(noun: str, tag: str) -> tuple[Route[Deps], ...]:
    """List and show of a noun that anybody may see."""

    async def list_all(call: Call, desk: Desk, deps: Deps) -> Page:
        return await page(noun, call, desk)

    async def show_one(call: Call, desk: Desk, deps: Deps) -> State:
        return State(await show(noun, call.path["id"], call, desk))

    path = f"/v1/{tag}"
    return (
        Route("GET", path, list_all, f"List {tag}", query=PageQuery, reply=Page, tags=(tag,)),
        Route("GET", f"{path}/{{id}}", show_one, f"Show a {noun}", reply=State, tags=(tag,)),
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
    *readers("zone", "zones"),
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
    *readers("pod", "pods"),
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
    *readers("cluster", "clusters"),
)
