"""Telling: events go into the feed in the order of their subjects' numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.ordering import Event, Subject, Told, arrange, release

HELD_SECONDS = 30.0
"""How long an event waits for the one before it; the retry ladder is done by then."""
RELEASED = 1000
"""Most events released at once."""


async def tell(events: Sequence[Event], tx: Tx) -> None:
    """Project them; those whose predecessor is still missing are told when it comes."""
    told, held = await _before({event.subject for event in events if event.number}, tx)
    arranged = arrange(events, held, told)
    new = {(event.subject, event.number) for event in held}
    await _write(arranged.tell, [each for each in arranged.hold if _key(each) not in new], tx)
    if arranged.hold:
        await tx.run("hold", _array(_held(each) for each in arranged.hold))


async def give_up(tx: Tx) -> bool:
    """Tell what has waited long enough, without what it waited for; whether there was any."""
    rows = await tx.rows("held_too_long", HELD_SECONDS, RELEASED)
    if rows:
        told, held = await _before({_subject(row) for row in rows}, tx)
        await _write(release(held, told), (), tx)
    return bool(rows)


async def _before(
    subjects: Iterable[Subject], tx: Tx
) -> tuple[Mapping[Subject, Told], Sequence[Event]]:
    """What the feed has of subjects, which nobody else adds to from now on; what is held of them
    is taken out."""
    keys = sorted(subjects)
    if not keys:
        return {}, ()
    names = [key.source for key in keys], [key.name for key in keys]
    rows = await tx.rows("told", *names)
    told = {_subject(row): Told(row["number"], row["condition"]) for row in rows}
    if not any(row["waits"] for row in rows):
        return told, ()
    return told, [_event(row) for row in await tx.rows("take_held", *names)]


async def _write(told: Sequence[Event], shown: Iterable[Event], tx: Tx) -> None:
    rows = [_row(each, tell=True) for each in told] + [_row(each, tell=False) for each in shown]
    if rows:
        await tx.run("project", _array(rows))


def _row(event: Event, *, tell: bool) -> str:
    more = json.dumps(
        {
            "subject": event.subject.name,
            "tell": tell,
            "was": event.was,
            "condition": event.condition,
        }
    )
    return f"{event.text[:-1]}, {more[1:]}"


def _held(event: Event) -> str:
    key = {"source": event.subject.source, "subject": event.subject.name}
    row = json.dumps({**key, "number": event.number, "condition": event.condition})
    return f'{row[:-1]}, "event": {event.text}}}'


def _event(row: Record) -> Event:
    held = row["event"]
    return Event(_subject(row), row["number"], json.dumps(held["event"]), held["condition"])


def _subject(row: Record) -> Subject:
    return Subject(row["source"], row["subject"])


def _key(event: Event) -> tuple[Subject, int]:
    return event.subject, event.number


def _array(rows: Iterable[str]) -> str:
    return f"[{','.join(rows)}]"
