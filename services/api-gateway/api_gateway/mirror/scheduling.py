"""What is looked at by the clock, or all at once; imported by routes, so it imports none."""

from collections.abc import Sequence

from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from api_gateway.deps import Deps
from api_gateway.mirror.events import Entity
from api_gateway.mirror.intake import Figures, Intake, Wanted
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.rules import POLL, Action, action_of
from api_gateway.mirror.settings import MirrorSettings
from api_gateway.mirror.status import MEASURE

SWEPT = (MirrorNoun.TEMPLATE, MirrorNoun.VOLUME, MirrorNoun.SNAPSHOT)
REMEMBERED_DAYS = 30
"""How long it is shown what CloudStack had once."""


async def ask_for_all(nouns: Sequence[MirrorNoun], tx: Tx, deps: Deps) -> None:
    """Have everything of some nouns looked at."""
    settings = deps.settings
    words = {noun: (noun.upper(), *_OTHERS.get(noun, ())) for noun in nouns}
    wanted = {
        Entity(noun): Wanted(Action.MIRROR, f"{noun.upper()}.{POLL}", deleted=False)
        for noun in nouns
        if any(
            action_of(f"{word}.{POLL}", settings.mirror_rules) is not Action.IGNORE
            for word in words[noun]
        )
    }
    await Intake().ask(wanted, Figures(), tx)


_OTHERS = {MirrorNoun.TEMPLATE: ("ISO",), MirrorNoun.PLACE: ("ZONE", "POD", "CLUSTER", "HOST")}
"""What else a noun's polling is called by."""


async def _poll(tx: Tx, deps: Deps) -> None:
    await ask_for_all((MirrorNoun.PLACE,), tx, deps)


async def _sweep(tx: Tx, deps: Deps) -> None:
    await tx.run("mirror.forget", REMEMBERED_DAYS)
    await ask_for_all(SWEPT, tx, deps)


def mirror_timers(settings: MirrorSettings) -> tuple[Timer[Deps], ...]:
    """What is looked at by the clock; nothing while the mirror is off."""
    if not settings.mirrors:
        return ()
    return (
        Timer[Deps]("mirror places", settings.mirror_poll_seconds, _poll),
        Timer[Deps]("mirror sweep", settings.mirror_sweep_seconds, _sweep),
        MEASURE,
    )
