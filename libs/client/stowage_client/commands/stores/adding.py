"""stowage store add."""

from typing import Annotated, Any

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import ScopeType, StoreRole

from stowage_client.client import Client
from stowage_client.commands import given
from stowage_client.commands.forms import Form, form_of
from stowage_client.commands.places import Name, OwnId
from stowage_client.commands.shell import Shell
from stowage_client.commands.stores.living import show_probed
from stowage_client.commands.stores.options import BareSecret, SecretFrom, Set, Tags
from stowage_client.watching import settled_store


def add(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Name,
    provider: Annotated[str, typer.Option("--provider", "-p", help="See 'stowage provider list'.")],
    role: Annotated[StoreRole, typer.Option()] = StoreRole.IMAGE,
    scope: Annotated[
        str, typer.Option(help="region, or zone:ID, pod:ID, cluster:ID, host:ID.")
    ] = ScopeType.REGION,
    set_: Set = None,
    secret: SecretFrom = None,
    bare_secret: BareSecret = None,
    tag: Tags = None,
    id: OwnId = None,
    wait: Annotated[bool, typer.Option(help="Wait for the first probe.")] = True,
) -> None:
    """Prove a store and add it; a store that fails its probe is not kept.

    Required secrets that are not given are asked for at a terminal.
    """
    shell: Shell = context.obj
    kind, _, scope_id = scope.partition(":")
    place: dict[str, Any] = {"role": role, "scope": kind, "scope_id": scope_id or None}
    fields = {**place, "tags": tag or None, "id": id}

    async def work(client: Client) -> None:
        form = await form_of(client, provider)
        settings = form.settings(set_)
        secrets = given.secrets(secret or (), bare_secret or ())
        _check(form, settings)
        secrets |= given.asked(form.missing(secrets, secret=True))
        view = await client.stores.add(
            name, form.provider, settings=settings, secrets=secrets, **fields
        )
        show_probed(shell, await settled_store(client, view.id) if wait else view)

    shell.run(work)


def _check(form: Form, settings: dict[str, Any]) -> None:
    missing = form.missing(settings, secret=False)
    if missing:
        raise InvalidInput(
            f"missing: {', '.join(missing)}",
            code="setting",
            hint=f"--set {missing[0]}=…; see 'stowage provider show {form.provider}'",
        )
