"""stowage placement: set, list, remove, explain."""

from typing import Annotated, Any

import typer
from stowage_contracts.catalogue import PlacementAnswer, PlacementRule
from stowage_contracts.values import ImageFormat, ObjectKind

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Which store gets what.", no_args_is_help=True)
Several = list[str] | None
Kinds = Annotated[list[ObjectKind] | None, typer.Option("--kind", help="May be repeated.")]
Formats = Annotated[list[ImageFormat] | None, typer.Option("--format", "-f")]


@app.command("set")
def set_rule(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="RULE", help="Its id; an old one is replaced.")],
    name: Annotated[str | None, typer.Option(help="Its id when missing.")] = None,
    order: Annotated[int, typer.Option(help="The lowest that holds decides.")] = 0,
    kind: Kinds = None,
    format: Formats = None,
    account: Annotated[Several, typer.Option(help="Of these accounts.")] = None,
    zone: Annotated[Several, typer.Option(help="Wished for in one of these zones.")] = None,
    tag: Annotated[Several, typer.Option(help="With all of these tags.")] = None,
    min_size: Annotated[str | None, typer.Option(help="At least so big: 10G, …")] = None,
    max_size: Annotated[str | None, typer.Option(help="At most so big.")] = None,
    store: Annotated[Several, typer.Option(help="Then these stores may take it.")] = None,
    store_tag: Annotated[
        Several, typer.Option(help="And those that carry all of these tags.")
    ] = None,
) -> None:
    """Add a rule or replace it. A condition that is not given holds for everything."""
    shell: Shell = context.obj
    lists: dict[str, Any] = {
        "kinds": kind,
        "formats": format,
        "accounts": account,
        "zones": zone,
        "tags": tag,
        "store_ids": store,
        "store_tags": store_tag,
    }
    conditions = {field: tuple(values or ()) for field, values in lists.items()}

    async def work(client: Client) -> None:
        sizes = {"min_size": _size(min_size), "max_size": _size(max_size)}
        rule = PlacementRule(id=id, name=name or id, order=order, **conditions, **sizes)
        shell.show(await client.placement.set(rule))

    shell.run(work)


@app.command("list")
def list_rules(context: typer.Context) -> None:
    """List rules in the order in which they are asked."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [rule async for rule in client.placement.list()]
        found.sort(key=lambda rule: (rule.order, rule.id))
        shell.table(found, ("order", "id", "name", "when", "then"), _row)

    shell.run(work)


@app.command("remove")
def remove(
    context: typer.Context, id: Annotated[str, typer.Argument(metavar="RULE", help="Its id.")]
) -> None:
    """Forget a rule."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.placement.remove(id))

    shell.run(work)


@app.command("explain")
def explain(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    format: Annotated[ImageFormat, typer.Option("--format", "-f")],
    kind: Annotated[ObjectKind, typer.Option()] = ObjectKind.TEMPLATE,
    size: Annotated[str | None, typer.Option(help="10G, …; unknown when missing.")] = None,
    zone: Annotated[str | None, typer.Option(help="One zone; otherwise the region.")] = None,
    tag: Annotated[Several, typer.Option(help="May be repeated.")] = None,
    store: Annotated[Several, typer.Option(help="Asked for by its owner.")] = None,
    account: Annotated[str | None, typer.Option(help="Yours when missing.")] = None,
) -> None:
    """Which stores would get such an object now, and why not the others."""
    shell: Shell = context.obj
    fields: dict[str, Any] = {"kind": kind, "zone_id": zone, "account_id": account}
    fields |= {"tags": tag or None, "store_ids": store or None}

    async def work(client: Client) -> None:
        told = await client.placement.explain(format, size=_size(size), **fields)
        if shell.json:
            shell.show(told)
            return
        shell.say(f"rule {told.rule_id}" if told.rule_id else "no rule holds: any store may")
        shell.table(told.answers, ("store", "chosen", "allowed", "reason"), _answer)

    shell.run(work)


def _size(text: str | None) -> int | None:
    return None if text is None else figures.parsed_size(text)


def _answer(answer: PlacementAnswer) -> Row:
    chosen, allowed = ("yes" if each else "" for each in (answer.chosen, answer.allowed))
    return (answer.store_id, chosen, allowed, answer.reason)


def _row(rule: PlacementRule) -> Row:
    fields = ("kinds", "formats", "accounts", "zones", "tags")
    when = [f"{name} {' '.join(getattr(rule, name))}" for name in fields if getattr(rule, name)]
    when += [f"{word} {figures.size(size)}" for word, size in _bounds(rule) if size is not None]
    stores = [*rule.store_ids, *(["tagged " + " ".join(rule.store_tags)] * bool(rule.store_tags))]
    return (rule.order, rule.id, rule.name, "; ".join(when) or "always", ", ".join(stores))


def _bounds(rule: PlacementRule) -> list[tuple[str, int | None]]:
    return [("from", rule.min_size), ("to", rule.max_size)]
