"""stowage store change, rotate, enable, read-only, drain, disable."""

from functools import partial
from typing import Annotated, Any

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import StoreState
from stowage_contracts.views import StoreView

from stowage_client.client import Client
from stowage_client.commands import given
from stowage_client.commands.figures import parsed_size
from stowage_client.commands.forms import form_of
from stowage_client.commands.shell import Shell
from stowage_client.commands.stores.living import show_probed
from stowage_client.commands.stores.options import BareSecret, SecretFrom, Set, StoreId, Tags
from stowage_client.watching import watched_store

Wait = Annotated[bool, typer.Option(help="Until its owner has done it.")]


def change(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    store: StoreId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="No tag at all.")] = False,
    set_: Set = None,
    capacity: Annotated[
        str | None, typer.Option(help="What it may hold, e.g. 10T, whatever its server tells.")
    ] = None,
    wait: Wait = True,
) -> None:
    """Change a store's name, tags, settings or capacity; settings are probed before they hold."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        known = await client.stores.show(store)
        form = await form_of(client, known.provider)
        changed = form.settings(set_)
        fields: dict[str, Any] = {"name": name, "tags": [] if no_tags else tag or None}
        fields["settings"] = {**known.settings, **changed} if changed else None
        fields["capacity_bytes"] = parsed_size(capacity) if capacity else None
        if all(value is None for value in fields.values()):
            raise InvalidInput("name what is to change", code="argument", hint="see -h")
        await _change(shell, client, known, fields, wait)

    shell.run(work)


def rotate(
    context: typer.Context,
    store: StoreId,
    secret: SecretFrom = None,
    bare_secret: BareSecret = None,
    wait: Wait = True,
) -> None:
    """Give a store new secrets, all of them; they are probed before the old ones go.

    Required secrets that are not given are asked for at a terminal.
    """
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        known = await client.stores.show(store)
        form = await form_of(client, known.provider)
        secrets = given.secrets(secret or (), bare_secret or ())
        secrets |= given.asked(form.missing(secrets, secret=True))
        await _change(shell, client, known, {"secrets": secrets}, wait)

    shell.run(work)


def enable(context: typer.Context, store: StoreId, wait: Wait = True) -> None:
    """Read and write it again; also ends maintenance and a stopped evacuation."""
    _turn(context, store, StoreState.UP, wait)


def read_only(context: typer.Context, store: StoreId, wait: Wait = True) -> None:
    """Write nothing to it from now on; what is there is served."""
    _turn(context, store, StoreState.READ_ONLY, wait)


def drain(context: typer.Context, store: StoreId, wait: Wait = True) -> None:
    """As read-only, in order to be emptied; 'evacuate' moves what is there."""
    _turn(context, store, StoreState.DRAINING, wait)


def disable(context: typer.Context, store: StoreId, wait: Wait = True) -> None:
    """Neither read nor write it: maintenance."""
    _turn(context, store, StoreState.DISABLED, wait)


def _turn(context: typer.Context, store: str, state: StoreState, wait: bool) -> None:
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        known = await client.stores.show(store)
        if known.state is state:
            show_probed(shell, known)
        else:
            await _change(shell, client, known, {"state": state}, wait)

    shell.run(work)


async def _change(
    shell: Shell, client: Client, before: StoreView, fields: dict[str, Any], wait: bool
) -> None:
    async def order() -> StoreView:
        return await client.stores.change(before.id, **fields)

    if not wait:
        shell.show(await order())
        return
    done = partial(_holds, fields, before)
    show_probed(shell, await watched_store(client, before.id).obeyed(order, done))


def _holds(fields: dict[str, Any], before: StoreView, view: StoreView) -> bool:
    """Whether a store says what was asked of it, or why it can't be."""
    if view.error is not None and view.error != before.error:
        return True
    plain = {name: fields[name] for name in ("state", "name") if fields.get(name) is not None}
    there = all(getattr(view, name) == value for name, value in plain.items())
    tagged = fields.get("tags") is None or set(fields["tags"]) == set(view.tags)
    on_trial = fields.get("settings") or fields.get("secrets")
    tried = not on_trial or view.measured != before.measured
    roomy = fields.get("capacity_bytes") in (None, view.total_bytes)
    return there and tagged and tried and roomy
