"""Whole looks: everything of a noun is listed, which makes up for every event that was lost."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from stowage_contracts.errors import StowageError
from stowage_runtime.handling.tx import Tx

from api_gateway.mirror.comparing import Scene
from api_gateway.mirror.events import Entity
from api_gateway.mirror.facts import Image, Thing
from api_gateway.mirror.intake import Figures, Intake, Wanted
from api_gateway.mirror.ledger import Kept, Look, keep, known, problem_of, seen_before
from api_gateway.mirror.looking import Hand, decide, kept_of, zones_here
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.places import KINDS, Found, compare_places
from api_gateway.mirror.rules import POLL, Action, action_of
from api_gateway.mirror.steps import Outcome

UNSEEN = 10_000
"""Entities that a sweep missed and that are looked at one by one, at most."""
RENEWED = 50


async def sweep(look: Look, hand: Hand) -> None:
    """All templates and ISOs, volumes or snapshots; raises StowageError, Superseded."""
    began = await _now(hand)
    async for page in _pages(look, hand):
        wanted = [each for each in page if _is_wanted(look.noun, each, hand)]
        await _page(look, wanted, hand)
    async with hand.desks().transaction() as tx:
        missed = await tx.rows("mirror.unseen", look.noun, began, UNSEEN)
        await _look_later(look, [row["id"] for row in missed], hand, tx)
        await look.settle(tx)


def _pages(look: Look, hand: Hand) -> AsyncIterator[list[Image]] | AsyncIterator[list[Thing]]:
    if look.noun is MirrorNoun.TEMPLATE:
        return hand.questions.images()
    return hand.questions.things(look.noun)


def _is_wanted(noun: MirrorNoun, each: Image | Thing, hand: Hand) -> bool:
    word = "ISO" if isinstance(each, Image) and each.iso else noun.upper()
    return action_of(f"{word}.{POLL}", hand.deps.settings.mirror_rules) is not Action.IGNORE


async def _page(look: Look, page: Sequence[Image | Thing], hand: Hand) -> None:
    """What is as it should be is written at once; the rest one by one."""
    ids = [each.row.id for each in page]
    todo: list[Kept] = []
    async with hand.desks().transaction() as tx:
        await look.renew(tx)
        here, seen = await known(look.noun, ids, tx), await seen_before(look.noun, ids, tx)
        zones, same, later = await zones_here(tx), list[Kept](), list[str]()
        for each in page:
            id = each.row.id
            if each.removed:  # its other rows may stand on another page
                later += [id] if here[id].lives or id in seen else []
                continue
            decision = decide(look.noun, id, each, Scene(here[id], zones))
            kept = kept_of(look.noun, id, each, decision)
            (todo if kept.steps else same).append(kept)
            later += [id] if decision[0].patience else []
        await keep(same, tx, done=True)
        await _look_later(look, later, hand, tx)
    await _each(look, todo, hand)


async def _each(look: Look, todo: Sequence[Kept], hand: Hand) -> None:
    """What cannot be done now gets a look of its own, which is tried again and shown."""
    for number, kept in enumerate(todo):
        try:
            async with hand.desks().transaction() as tx:
                if number % RENEWED == 0:
                    await look.renew(tx)
                await hand.act([kept], tx)
        except StowageError:
            async with hand.desks().transaction() as tx:
                await _look_later(look, [kept.id], hand, tx)


async def _look_later(look: Look, ids: Sequence[str], hand: Hand, tx: Tx) -> None:
    intake = Intake((), hand.deps.settings.mirror_settle_seconds)
    reason = f"{look.noun.upper()}.{POLL}"
    wanted = {Entity(look.noun, id): Wanted(Action.MIRROR, reason, deleted=False) for id in ids}
    await intake.ask(wanted, Figures(), tx)


async def look_at_places(look: Look, hand: Hand) -> None:
    """Zones, pods, clusters and hosts; raises StowageError, Superseded."""
    began = await _now(hand)
    rules = hand.deps.settings.mirror_rules
    kinds = [
        kind for kind in KINDS if action_of(f"{kind.upper()}.{POLL}", rules) is not Action.IGNORE
    ]
    told = await hand.questions.places(kinds)
    async with hand.desks().transaction() as tx:
        await look.renew(tx)
        here = {kind: {row["id"] for row in await tx.rows("mirror.ids", kind)} for kind in KINDS}
    found = compare_places(told, here)
    kept = [await _placed(each, look, hand) for each in found]
    async with hand.desks().transaction() as tx:
        await keep(kept, tx, done=not hand.dry)
        await tx.run("mirror.lost", kinds, began)
        await look.settle(tx)


async def _placed(found: Found, look: Look, hand: Hand) -> Kept:
    """A place that is refused is shown, and keeps no other from coming."""
    facts = found.row.model_dump(exclude={"id"})
    steps = (found.step,) if found.step is not None else ()
    kept = Kept(found.kind, found.row.id, found.outcome, steps, facts=facts)
    if not steps or hand.dry:
        return kept
    try:
        async with hand.desks().transaction() as tx:
            await look.renew(tx)
            await hand.act([kept], tx)
    except StowageError as error:
        outcome = Outcome(word="refused", why=problem_of(error).cause)
        return Kept(found.kind, found.row.id, outcome, facts=facts)
    return kept


async def _now(hand: Hand) -> datetime:
    async with hand.desks().transaction() as tx:
        return tx.now
