"""stowage account, user, domain."""

from typing import Annotated, Any

import typer

from stowage_client.answers import AccountLimits
from stowage_client.client import Client
from stowage_client.commands import given
from stowage_client.commands.places import listing
from stowage_client.commands.shell import Shell
from stowage_client.nouns.accounts import Bounded

app = typer.Typer(help="Accounts, and how much they may have.", no_args_is_help=True)
users = typer.Typer(help="Who acts for an account.", no_args_is_help=True)
domains = typer.Typer(help="The tree that accounts stand in.", no_args_is_help=True)
AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id.")]
DomainId = Annotated[str, typer.Argument(metavar="DOMAIN", help="Its id.")]
UserId = Annotated[str, typer.Argument(metavar="USER", help="Its id.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
Most = Annotated[int | None, typer.Option(min=-1, help="At most so many; -1: no limit.")]
Columns = tuple[str, ...]
_ACCOUNT: Columns = ("id", "name", "role", "state", "domain_path")
_DOMAIN: Columns = ("id", "name", "path", "created")
_USER: Columns = ("id", "name", "state", "has_password", "email")


@app.command("add")
def add_account(
    context: typer.Context,
    name: Name,
    domain: Annotated[str | None, typer.Option(help="Id of its domain; yours if missing.")] = None,
    role: Annotated[str, typer.Option(help="user, domain_admin or root_admin.")] = "user",
) -> None:
    """Create an account with a user; its keys are shown once."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        fields = {"role": role, "domain_id": domain}
        shell.show(await client.accounts.add(name, **fields))

    shell.run(work)


@app.command("list")
def list_accounts(context: typer.Context) -> None:
    """List accounts."""
    listing(context.obj, "accounts", _ACCOUNT)


@app.command("show")
def show_account(context: typer.Context, account: AccountId) -> None:
    """Show an account."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.accounts.show(account))

    shell.run(work)


@app.command("enable")
def enable(context: typer.Context, account: AccountId) -> None:
    """Let an account in again."""
    _change(context.obj, account, "enabled")


@app.command("disable")
def disable(context: typer.Context, account: AccountId) -> None:
    """Shut an account out; what it has stays."""
    _change(context.obj, account, "disabled")


@app.command("lock")
def lock(context: typer.Context, account: AccountId) -> None:
    """As disable, by another word."""
    _change(context.obj, account, "locked")


def _change(shell: Shell, account: str, state: str) -> None:
    async def work(client: Client) -> None:
        shell.show(await client.accounts.change(account, state=state))

    shell.run(work)


@app.command("remove")
def remove_account(context: typer.Context, account: AccountId) -> None:
    """Delete an account that has nothing any more."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.accounts.remove(account))

    shell.run(work)


@app.command("limits")
def account_limits(
    context: typer.Context,
    account: AccountId,
    templates: Most = None,
    volumes: Most = None,
    snapshots: Most = None,
    storage: Annotated[int | None, typer.Option(min=-1, help="GiB on image stores.")] = None,
) -> None:
    """Show an account's limits, or change those that are named."""
    counts = {"templates": templates, "volumes": volumes, "snapshots": snapshots}
    _limits(context.obj, "accounts", account, {**counts, "secondary_storage_gib": storage})


@domains.command("limits")
def domain_limits(
    context: typer.Context,
    domain: DomainId,
    templates: Most = None,
    volumes: Most = None,
    snapshots: Most = None,
) -> None:
    """Show the limits of a domain and all below, or change those that are named."""
    counts = {"templates": templates, "volumes": volumes, "snapshots": snapshots}
    _limits(context.obj, "domains", domain, counts)


def _limits(shell: Shell, noun: str, key: str, wanted: dict[str, int | None]) -> None:
    named = {
        name: None if most == -1 else most for name, most in wanted.items() if most is not None
    }

    async def work(client: Client) -> None:
        collection: Bounded[Any] = getattr(client, noun)
        limits = await collection.limits(key)
        if named:
            changed = AccountLimits(**{**limits.model_dump(), **named})
            limits = await collection.bound(key, changed)
        shell.show(limits)

    shell.run(work)


@users.command("add")
def add_user(
    context: typer.Context,
    account: AccountId,
    name: Name,
    password: Annotated[
        str | None, typer.Option(help="@file, env:VARIABLE or - (asked); none if missing.")
    ] = None,
    email: Annotated[str, typer.Option()] = "",
) -> None:
    """Add a user to an account; with a password it can log in."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        secrets = given.secrets([f"password={password}"] if password else [], ())
        shell.show(await client.accounts.add_user(account, name, email=email, **secrets))

    shell.run(work)


@users.command("list")
def list_users(context: typer.Context, account: AccountId) -> None:
    """List an account's users."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = await client.accounts.users(account)
        shell.table(found, _USER, lambda view: [getattr(view, name) for name in _USER])

    shell.run(work)


@users.command("keys")
def add_keys(context: typer.Context, user: UserId) -> None:
    """Make one more pair of keys for a user, shown once."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.users.add_keys(user))

    shell.run(work)


@users.command("remove")
def remove_user(context: typer.Context, user: UserId) -> None:
    """Delete a user with its keys."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.users.remove(user))

    shell.run(work)


@domains.command("add")
def add_domain(
    context: typer.Context,
    name: Name,
    parent: Annotated[str | None, typer.Option(help="Id of the domain above it.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="Its id; a fresh one if missing.")] = None,
) -> None:
    """Create a domain."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.domains.add(name, parent_id=parent, id=id))

    shell.run(work)


@domains.command("list")
def list_domains(context: typer.Context) -> None:
    """List domains."""
    listing(context.obj, "domains", _DOMAIN)


@domains.command("remove")
def remove_domain(context: typer.Context, domain: DomainId) -> None:
    """Delete a domain that has nothing in it."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.domains.remove(domain))

    shell.run(work)
