"""stowage policy: set, list, show, remove."""

from collections.abc import Iterable
from typing import Annotated

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import CacheUse, HypervisorKind
from stowage_contracts.views import MotionPolicyView

from stowage_client.client import Client
from stowage_client.commands import given
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Which strategies may carry copies into a zone.", no_args_is_help=True)
ZoneId = Annotated[str, typer.Argument(metavar="ZONE", help="Id of a zone, or `default`.")]


@app.command("set")
def set_policy(
    context: typer.Context,
    zone: ZoneId,
    pin: Annotated[str | None, typer.Option(help="Use this strategy and no other.")] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Never use this one; may be repeated.")
    ] = None,
    caches: Annotated[
        CacheUse | None, typer.Option(help="How copies use cache stores; when-required if missing.")
    ] = None,
    caches_of: Annotated[
        list[str] | None,
        typer.Option(metavar="HYPERVISOR=USE", help="Otherwise for these hosts; may be repeated."),
    ] = None,
) -> None:
    """Pin or forbid strategies in a zone, and say whether copies go through caches; or (default)
    in all that have no policy. What is not given is as if never set."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        of = _uses(caches_of or ())
        policy = await client.policies.set(
            zone, pin=pin, forbid=forbid or (), caches=caches, caches_of=of
        )
        shell.show(policy)

    shell.run(work)


@app.command("list")
def list_policies(context: typer.Context) -> None:
    """List policies."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [policy async for policy in client.policies.list()]
        found.sort(key=lambda policy: policy.id)
        shell.table(found, ("zone", "pin", "forbid", "caches"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, zone: ZoneId) -> None:
    """Show a zone's policy."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.policies.show(zone))

    shell.run(work)


@app.command("remove")
def remove(context: typer.Context, zone: ZoneId) -> None:
    """Let the best strategy win there again."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.policies.remove(zone))

    shell.run(work)


def _uses(pairs: Iterable[str]) -> dict[str, str]:
    """``KVM=never`` and its like. Raises InvalidInput."""
    uses, kinds = list(CacheUse), {kind.lower(): kind for kind in HypervisorKind}
    found = {}
    for name, use in map(given.pair, pairs):
        if name.lower() not in kinds or use not in uses:
            raise InvalidInput(
                f"{name}={use} says no hypervisor's use of caches",
                code="argument",
                hint=f"{'|'.join(HypervisorKind)}={'|'.join(uses)}",
            )
        found[kinds[name.lower()].value] = use
    return found


def _row(policy: MotionPolicyView) -> Row:
    others = (f"{kind} {use}" for kind, use in policy.caches_of.items())
    caches = ", ".join((policy.caches, *others))
    return (policy.id, policy.pin, ", ".join(policy.forbid), caches)
