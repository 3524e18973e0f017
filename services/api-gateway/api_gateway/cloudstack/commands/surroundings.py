"""What clients look for around images: hypervisors, and things there are none of here."""

from api_gateway.cloudstack.answers import Answer, Rows
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command


async def list_hypervisors(ask: Ask) -> Answer:
    """List the hypervisors of clusters."""
    async with ask.desk.transaction() as tx:
        rows = await tx.rows("places", "cluster")
    zone_id = ask.text("zoneid")
    clusters = [row["state"] for row in rows if zone_id in ("", row["state"]["zone_id"])]
    names = sorted({cluster["hypervisor"] for cluster in clusters})
    return Rows([{"name": name} for name in names], len(names))


async def list_virtual_machines(ask: Ask) -> Answer:
    """List instances: Stowage moves their disks and knows none of them."""
    return Rows([], 0)


async def list_projects(ask: Ask) -> Answer:
    """List projects: there are none."""
    return Rows([], 0)


COMMANDS = (
    Command("listHypervisors", list_hypervisors),
    Command("listVirtualMachines", list_virtual_machines, missing="there are none here"),
    Command("listProjects", list_projects, missing="there are none here"),
)
