"""stowage zone, pod, cluster."""

from typing import Annotated, Any

import typer
from stowage_contracts.values import HypervisorKind
from stowage_contracts.views import ClusterView, PodView

from stowage_client.client import Client
from stowage_client.commands.shell import Shell
from stowage_client.nouns.collection import Collection

zones = typer.Typer(help="Zones.", no_args_is_help=True)
pods = typer.Typer(help="Pods of a zone.", no_args_is_help=True)
clusters = typer.Typer(help="Clusters of a pod.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Its name.")]
OwnId = Annotated[str | None, typer.Option("--id", help="Its id; a fresh one when missing.")]


@zones.command("add")
def add_zone(context: typer.Context, name: Name, id: OwnId = None) -> None:
    """Create a zone."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.zones.add(name, id=id))

    shell.run(work)


@zones.command("list")
def list_zones(context: typer.Context) -> None:
    """List zones."""
    listing(context.obj, "zones", ("id", "name"))


@pods.command("add")
def add_pod(
    context: typer.Context,
    name: Name,
    zone: Annotated[str, typer.Option(help="Id of its zone.")],
    id: OwnId = None,
) -> None:
    """Create a pod."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        added: PodView = await client.pods.add(name, zone_id=zone, id=id)
        shell.show(added)

    shell.run(work)


@pods.command("list")
def list_pods(context: typer.Context) -> None:
    """List pods."""
    listing(context.obj, "pods", ("id", "name", "zone_id"))


@clusters.command("add")
def add_cluster(
    context: typer.Context,
    name: Name,
    pod: Annotated[str, typer.Option(help="Id of its pod.")],
    hypervisor: Annotated[HypervisorKind, typer.Option()] = HypervisorKind.KVM,
    id: OwnId = None,
) -> None:
    """Create a cluster."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        fields = {"pod_id": pod, "hypervisor": hypervisor, "id": id}
        added: ClusterView = await client.clusters.add(name, **fields)
        shell.show(added)

    shell.run(work)


@clusters.command("list")
def list_clusters(context: typer.Context) -> None:
    """List clusters."""
    listing(context.obj, "clusters", ("id", "name", "zone_id", "pod_id", "hypervisor"))


def listing(shell: Shell, noun: str, columns: tuple[str, ...], **filters: Any) -> None:
    """All of a noun, one column for each named field."""

    async def work(client: Client) -> None:
        collection: Collection[Any] = getattr(client, noun)
        found = [view async for view in collection.list(**filters)]
        shell.table(found, columns, lambda view: [getattr(view, name) for name in columns])

    shell.run(work)
