"""stowage sink: add, list, show, change, pause, resume, redeliver, rotate, test, remove."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from stowage_contracts.sinks import SinkFormat, SinkKind, SinkMade, SinkView

from stowage_client.client import Client
from stowage_client.commands import figures, given
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Where events go: webhooks and exchanges.", no_args_is_help=True)
SinkId = Annotated[str, typer.Argument(metavar="SINK", help="Its id.")]
Nouns = Annotated[
    list[str] | None, typer.Option("--noun", help="Only of template, copy, …; may be repeated.")
]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only TemplateChanged, …; may be repeated.")
]
OfAccount = Annotated[str | None, typer.Option(help="Only what belongs to this account.")]
Rate = Annotated[float | None, typer.Option(help="Most events in a second.", min=0.001)]
Batch = Annotated[int | None, typer.Option(help="Most events in one request.", min=1)]
Seconds = Annotated[float | None, typer.Option(help="How long one attempt may take.", min=1)]
Url = Annotated[
    str | None,
    typer.Option(
        "--to", help="Where to: https://…, amqps://…; or @file, env:VARIABLE, - for stdin."
    ),
]
Secret = Annotated[
    str | None, typer.Option(help="Signs for it: @file, env:VARIABLE or -; else a fresh one.")
]

Exchange = Annotated[str | None, typer.Option(help="Topic exchange of an amqp sink.")]
Format = Annotated[SinkFormat, typer.Option(help="What events look like.")]
Mandatory = Annotated[
    bool, typer.Option("--mandatory", help="Keep what reaches no queue, and try again.")
]
After = Annotated[
    str | None, typer.Option(help="Begin after: now, oldest, or an event's position.")
]
Paused = Annotated[bool, typer.Option("--paused", help="Tell it nothing yet.")]


@app.command("add")
def add(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    kind: Annotated[SinkKind, typer.Argument(help="webhook or amqp.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    url: Url = None,
    exchange: Exchange = None,
    format: Format = SinkFormat.CLOUDEVENTS,
    noun: Nouns = None,
    type: Types = None,
    of_account: OfAccount = None,
    batch: Batch = None,
    rate: Rate = None,
    seconds: Seconds = None,
    mandatory: Mandatory = False,
    after: After = None,
    paused: Paused = False,
    secret: Secret = None,
    id: Annotated[str | None, typer.Option(help="An id of your own.")] = None,
) -> None:
    """Make a sink; the secret that signs for it is shown once."""
    fields = {
        "id": id,
        "exchange": exchange,
        "format": format.value,
        "nouns": noun,
        "types": type,
        "of_account": of_account,
        "batch": batch,
        "rate": rate,
        "seconds": seconds,
        "mandatory": mandatory,
        "after": after,
        "paused": paused,
    }

    async def work(client: Client) -> SinkMade:
        told = {"url": _url(url), "secret": _secret(secret)}
        return await client.sinks.add(name, kind.value, **fields, **told)

    _show(context, work)


@app.command("list")
def list_sinks(context: typer.Context) -> None:
    """List sinks: how far each is behind, and whether it fails."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [sink async for sink in client.sinks.list()]
        columns = ("id", "name", "kind", "target", "state", "behind", "delivered", "last error")
        shell.table(found, columns, _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, sink: SinkId) -> None:
    """Show a sink."""
    _show(context, lambda client: client.sinks.show(sink))


@app.command("change")
def change(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    sink: SinkId,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    url: Url = None,
    noun: Nouns = None,
    type: Types = None,
    of_account: OfAccount = None,
    batch: Batch = None,
    rate: Rate = None,
    seconds: Seconds = None,
) -> None:
    """Change what is given; what is not stays. `--noun all`, `--type all` take every one again."""
    fields = {
        "name": name,
        "nouns": _words(noun),
        "types": _words(type),
        "of_account": of_account,
        "batch": batch,
        "rate": rate,
        "seconds": seconds,
    }

    async def work(client: Client) -> SinkView:
        given = {key: value for key, value in fields.items() if value is not None}
        return await client.sinks.change(sink, **given, **({"url": _url(url)} if url else {}))

    _show(context, work)


@app.command("pause")
def pause(context: typer.Context, sink: SinkId) -> None:
    """Tell a sink nothing until it is resumed."""
    _show(context, lambda client: client.sinks.pause(sink))


@app.command("resume")
def resume(context: typer.Context, sink: SinkId) -> None:
    """Go on where a sink stopped; one that fails is tried at once."""
    _show(context, lambda client: client.sinks.resume(sink))


@app.command("redeliver")
def redeliver(
    context: typer.Context,
    sink: SinkId,
    after: Annotated[
        str | None, typer.Option(help="After this position; oldest for all kept, now for none.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="From this time on (local).")] = None,
) -> None:
    """Tell a sink events again, or leave out one that it never takes."""
    when = since.astimezone() if since is not None else None
    _show(context, lambda client: client.sinks.redeliver(sink, after=after, since=when))


@app.command("rotate")
def rotate(
    context: typer.Context,
    sink: SinkId,
    secret: Secret = None,
    keep: Annotated[
        float | None, typer.Option(help="Seconds the old secret signs too; a day if missing.")
    ] = None,
) -> None:
    """Give a sink a new secret, shown once."""

    async def work(client: Client) -> SinkMade:
        return await client.sinks.rotate(sink, secret=_secret(secret), keep_seconds=keep)

    _show(context, work)


@app.command("test")
def test(context: typer.Context, sink: SinkId) -> None:
    """Send a sink one event now; ends with 1 when it was not taken."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        tried = await client.sinks.test(sink)
        if tried.error is not None:
            shell.fail(tried.error)
        shell.show(tried, without={"error"})

    shell.run(work)


@app.command("remove")
def remove(context: typer.Context, sink: SinkId) -> None:
    """Forget a sink."""
    _show(context, lambda client: client.sinks.remove(sink))


def _show(context: typer.Context, ask: Callable[[Client], Awaitable[SinkView]]) -> None:
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await ask(client))

    shell.run(work)


def _url(text: str | None) -> str | None:
    """As it stands, or from where no other user of this machine reads it."""
    hidden = text is not None and (text == "-" or text.startswith(("@", "env:")))
    return given.secrets([f"url={text}"], ())["url"] if hidden else text


def _secret(source: str | None) -> str | None:
    return None if source is None else given.secrets([f"secret={source}"], ())["secret"]


def _words(words: list[str] | None) -> list[str] | None:
    return [] if words == ["all"] else words


def _row(sink: SinkView) -> Row:
    target = " ".join(filter(None, (sink.target, sink.exchange)))
    behind: Any = f"{sink.lag_events} ({sink.lag_seconds:.0f} s)" if sink.lag_events else 0
    error = f"{figures.when(sink.failed_at)} {sink.error.cause}" if sink.error else None
    return (sink.id, sink.name, sink.kind, target, sink.state, behind, sink.delivered, error)
