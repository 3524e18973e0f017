"""A look: CloudStack is asked, its answer compared with the catalogue, the difference done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stowage_contracts.errors import Conflict, Problem
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.mirror.asking import Questions
from api_gateway.mirror.comparing import Decision, Scene, compare_image, compare_thing, gone
from api_gateway.mirror.doing import do
from api_gateway.mirror.facts import Image, Thing
from api_gateway.mirror.ledger import Kept, Look, keep, known, seen_before
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.steps import Outcome

Found = Image | Thing | None


@dataclass(frozen=True)
class Hand:
    """What every look needs."""

    questions: Questions
    deps: Deps
    desks: Callable[[], Desk]

    @property
    def dry(self) -> bool:
        """Whether nothing is done."""
        return self.deps.settings.mirror_dry_run

    async def act(self, kept: Iterable[Kept], tx: Tx) -> None:
        """Do the steps, and write what was decided; raises StowageError."""
        decided = list(kept)
        if not self.dry:
            for step in (step for each in decided for step in each.steps):
                await do(step, tx, self.deps)
        await keep(decided, tx, done=not self.dry)


async def look_at_one(look: Look, hand: Hand) -> None:
    """Of one entity; raises StowageError, Superseded."""
    found = await _ask(look, hand.questions)
    async with hand.desks().transaction() as tx:
        scene = await scene_of(look, tx)
        outcome, steps = decide(look.noun, look.id, found, scene)
        if outcome.patience and not hand.dry:
            patience = hand.deps.settings.mirror_patience_seconds
            await look.postpone(_waiting(look, outcome), patience, tx)
        else:
            await look.settle(tx)
        if found is not None or scene.known.lives or await _told_of(look, tx):
            await hand.act([kept_of(look.noun, look.id, found, (outcome, steps))], tx)


async def _ask(look: Look, questions: Questions) -> Found:
    if look.noun is MirrorNoun.TEMPLATE:
        return await questions.image(look.id, iso_first=look.reason.startswith("ISO."))
    return await questions.thing(look.noun, look.id)


async def scene_of(look: Look, tx: Tx) -> Scene:
    """What the catalogue has around the entity of a look."""
    here = await known(look.noun, [look.id], tx)
    zones = await zones_here(tx)
    return Scene(here[look.id], zones, look.action, look.deleted)


async def zones_here(tx: Tx) -> frozenset[str]:
    """Zones of the catalogue."""
    return frozenset(row["id"] for row in await tx.rows("mirror.ids", "zone"))


async def _told_of(look: Look, tx: Tx) -> bool:
    return bool(await seen_before(look.noun, [look.id], tx))


def decide(noun: MirrorNoun, id: str, found: Found, scene: Scene) -> Decision:
    """What becomes of an entity as CloudStack has it."""
    if found is None:
        return gone(noun, id, scene)
    if isinstance(found, Image):
        return compare_image(found, scene)
    return compare_thing(noun, found, scene)


def kept_of(noun: MirrorNoun, id: str, found: Found, decision: Decision) -> Kept:
    """What is written of it."""
    outcome, steps = decision
    if found is None or found.removed:
        return Kept(noun, id, outcome, steps)
    return Kept(noun, id, outcome, steps, found.account_id, found.kept)


def _waiting(look: Look, outcome: Outcome) -> Problem:
    return Conflict(outcome.why, resource=f"{look.noun}/{look.id}", code="mirror_waits").problem
