"""Sinks: where events go out, and how far each has come."""

from datetime import timedelta

from pydantic import BaseModel, SecretStr, ValidationError
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.sinks import (
    SinkFilters,
    SinkKind,
    SinkMade,
    SinkOptions,
    SinkTried,
    SinkView,
)
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.http.parsing import refusal
from stowage_runtime.service import Desk

from api_gateway.conditions import PreconditionFailed
from api_gateway.deps import Deps
from api_gateway.idempotency import accept, refuse_key
from api_gateway.orders import NO_STORE
from api_gateway.resources import Page, PageQuery, cursor, position
from api_gateway.sinks.bodies import (
    NewSink,
    Redelivery,
    Rotation,
    SinkChange,
    check_exchange,
    check_target,
)
from api_gateway.sinks.moving import moved, start
from api_gateway.sinks.rows import Sink, own_sink, view
from api_gateway.sinks.secrets import SinkSecrets, new_secret
from api_gateway.sinks.trying import attempt, trial


async def add_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Make a sink; the answer carries the secret that signs for it, once."""
    refuse_key(call, "the secret of a sink")
    body, settings, principal = call.body, deps.settings, call.principal
    url = body.url.get_secret_value()
    target = check_target(body.kind, url, principal, settings)
    check_exchange(body.exchange, settings)
    sink_id = body.id or new_id()
    secret = body.secret or SecretStr(new_secret())
    keys = () if body.kind is SinkKind.AMQP else ({"text": secret},)
    secrets = SinkSecrets.model_validate({"url": url, "keys": keys})
    async with desk.transaction() as tx:
        await _room(principal.account_id, principal.admin, deps, tx)
        values = (
            *(principal.account_id, body.name, body.kind, body.format, target),
            secrets.sealed(sink_id, deps.cipher),
            *_settings(body),
            *(body.paused, *await start(body.after, tx)),
        )
        if not await tx.run("add_sink", sink_id, *values):
            raise Conflict("the sink exists already", resource=f"sink/{sink_id}", code="exists")
        row = await tx.row("sink", sink_id, None)
        assert row is not None
        made = await view(row, tx)
    deps.sinks.ring()
    shown = secret if keys else SecretStr("")
    return Reply(SinkMade.model_validate({**dict(made), "secret": shown}), headers=NO_STORE)


async def _room(account_id: str, admin: bool, deps: Deps, tx: Tx) -> None:
    most = deps.settings.sinks_per_account
    if admin:
        return
    await tx.value("one_at_a_time", f"sinks of {account_id}")
    if await tx.value("count_sinks", account_id) >= most:
        raise Conflict(f"an account has at most {most} sinks", code="sinks", resource="sinks")


def _settings(given: BaseModel) -> tuple[dict[str, object], dict[str, object]]:
    """Options and filters, as they are kept."""
    fields = given.model_dump(mode="json")
    options, filters = SinkOptions.model_validate(fields), SinkFilters.model_validate(fields)
    return options.model_dump(mode="json"), filters.model_dump(mode="json")


async def list_sinks(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's sinks, newest first; an admin's are all."""
    after, limit = position(call.query.cursor), call.query.limit
    async with desk.transaction() as tx:
        rows = await tx.rows("sinks", call.principal.sees, *after, limit + 1)
        items = [await view(row, tx) for row in rows[:limit]]
    return Page(items=items, next=cursor(rows[limit - 1], "created") if len(rows) > limit else None)


async def show_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A sink: how far it has come, how far it is behind, what went wrong last."""
    async with desk.transaction() as tx:
        return _tagged(await view(await own_sink(call, tx), tx))


def _tagged(found: SinkView) -> Reply:
    return Reply(found, headers={"ETag": f'"{found.version}"'})


async def change_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Change a sink; what is being sent to it just now may still arrive as before."""
    return await _changed(call, desk, deps, call.body)


async def pause_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Tell it nothing until it is resumed; events are kept for it meanwhile, for a bounded time."""
    return await _changed(call, desk, deps, SinkChange(paused=True))


async def resume_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Go on where it stopped; a sink that failed is tried at once."""
    return await _changed(call, desk, deps, SinkChange(paused=False))


async def _changed(call: Call, desk: Desk, deps: Deps, change: SinkChange) -> Reply:
    async def make(tx: Tx) -> Reply:
        row = await own_sink(call, tx, "sink_of")
        _check_version(call, row["generation"])
        sink, given = Sink.of(row, deps.cipher), change.given
        url = sink.secrets.url if change.url is None else change.url
        target = check_target(sink.kind, url.get_secret_value(), call.principal, deps.settings)
        secrets = sink.secrets.model_copy(update={"url": url}).sealed(sink.id, deps.cipher)
        try:
            kept = NewSink.model_validate(_merged(sink, given))
        except ValidationError as error:
            raise refusal(error, "body") from None
        paused = row["paused"] if change.paused is None else change.paused
        await tx.run("change_sink", sink.id, kept.name, target, secrets, *_settings(kept), paused)
        return _tagged(await view(await own_sink(call, tx), tx))

    return await _rung(await accept(call, desk, deps, make), deps)


def _merged(sink: Sink, given: dict[str, object]) -> dict[str, object]:
    before = {**dict(sink.options), **dict(sink.filters)}
    changed = {name: value for name, value in given.items() if value is not None}
    if "of_account" in given:
        changed["of_account"] = given["of_account"]
    identity = {"name": sink.name, "kind": sink.kind, "format": sink.format}
    return {**identity, "url": sink.secrets.url, **before, **changed, "paused": False}


async def _rung(reply: Reply, deps: Deps) -> Reply:
    deps.sinks.ring()
    return reply


def _check_version(call: Call, version: int) -> None:
    wanted = call.headers.get("If-Match", "*")
    if wanted.strip() not in {"*", f'"{version}"'}:
        raise PreconditionFailed(
            "the sink was changed since", resource=f"sink/{call.path['id']}", code="changed"
        )


async def drop_sink(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Remove a sink; nothing is kept of it."""

    async def make(tx: Tx) -> SinkView:
        row = await own_sink(call, tx, "sink_of")
        _check_version(call, row["generation"])
        found = await view(row, tx)
        await tx.run("drop_sink", row["id"])
        return found

    return await _rung(await accept(call, desk, deps, make), deps)


async def redeliver(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Tell it events again from a position or time on, or leave out those before it."""

    async def make(tx: Tx) -> SinkView:
        row = await own_sink(call, tx, "sink_of")
        await tx.run("move_sink", row["id"], *await moved(call.body, tx))
        return await view(await own_sink(call, tx), tx)

    return await _rung(await accept(call, desk, deps, make), deps)


async def rotate(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Sign with a new secret from now on, shown once; the one before signs too for a while."""
    refuse_key(call, "the secret of a sink")
    secret = call.body.secret or SecretStr(new_secret())
    async with desk.transaction() as tx:
        row = await own_sink(call, tx, "sink_of")
        sink = Sink.of(row, deps.cipher)
        if sink.kind is SinkKind.AMQP:
            raise InvalidInput("nothing is signed for an amqp sink", code="secret")
        until = tx.now + timedelta(seconds=call.body.keep_seconds)
        secrets = sink.secrets.rotated(secret.get_secret_value(), until)
        sealed = secrets.sealed(sink.id, deps.cipher)
        options, filters = row["options"], row["filters"]
        await tx.run(
            "change_sink",
            sink.id,
            sink.name,
            row["target"],
            sealed,
            options,
            filters,
            row["paused"],
        )
        made = await view(await own_sink(call, tx), tx)
    deps.sinks.ring()
    return Reply(SinkMade.model_validate({**dict(made), "secret": secret}), headers=NO_STORE)


async def try_sink(call: Call, desk: Desk, deps: Deps) -> SinkTried:
    """Send one event of type SinkTest now, whatever it filters and even if it is paused."""
    async with desk.transaction() as tx:
        sink = Sink.of(await own_sink(call, tx), deps.cipher)
        event = trial(sink, call.principal, tx)
    return await attempt(sink, event, deps)


_TAGS = ("events",)
_ONE = "/v1/sinks/{id}"
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/sinks",
        add_sink,
        "Make a sink (webhook, or exchange of a broker) that events go to",
        body=NewSink,
        reply=SinkMade,
        status=201,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/sinks",
        list_sinks,
        "List sinks",
        query=PageQuery,
        reply=Page[SinkView],
        tags=_TAGS,
    ),
    Route("GET", _ONE, show_sink, "Show a sink", reply=SinkView, tags=_TAGS),
    Route("PATCH", _ONE, change_sink, "Change a sink", body=SinkChange, reply=SinkView, tags=_TAGS),
    Route("DELETE", _ONE, drop_sink, "Remove a sink", reply=SinkView, tags=_TAGS),
    Route("POST", f"{_ONE}/pause", pause_sink, "Pause a sink", reply=SinkView, tags=_TAGS),
    Route("POST", f"{_ONE}/resume", resume_sink, "Resume a sink", reply=SinkView, tags=_TAGS),
    Route(
        "POST",
        f"{_ONE}/redeliver",
        redeliver,
        "Tell a sink events again",
        body=Redelivery,
        reply=SinkView,
        tags=_TAGS,
    ),
    Route(
        "POST",
        f"{_ONE}/rotate",
        rotate,
        "Give a sink a new secret",
        body=Rotation,
        reply=SinkMade,
        tags=_TAGS,
    ),
    Route(
        "POST",
        f"{_ONE}/test",
        try_sink,
        "Send a test event to a sink",
        reply=SinkTried,
        seconds=90,
        tags=_TAGS,
    ),
)
