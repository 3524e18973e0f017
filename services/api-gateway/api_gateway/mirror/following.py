"""Following a CloudStack: the listener and the workers of one gateway, as one loop."""

import asyncio
from collections.abc import Callable, Sequence

import aiohttp
from stowage_contracts.errors import InvalidInput
from stowage_runtime.crossing import check_crossing
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Timer

from api_gateway.deps import Deps
from api_gateway.mirror.api import CloudStackApi
from api_gateway.mirror.asking import Questions
from api_gateway.mirror.events import Entity, Event, Malformed
from api_gateway.mirror.intake import Figures, Intake, Wanted
from api_gateway.mirror.listener import Ear, Listener
from api_gateway.mirror.looking import Hand
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.rules import Action, action_of
from api_gateway.mirror.settings import MirrorSettings
from api_gateway.mirror.status import MEASURE
from api_gateway.mirror.sweeping import POLL
from api_gateway.mirror.working import Worker

BOUND = "broker.bound"
"""Figure that remembers which events the queue gets: the broker itself tells nobody."""
REMEMBERED_DAYS = 30
"""How long it is shown what CloudStack had once."""
SWEPT = (MirrorNoun.TEMPLATE, MirrorNoun.VOLUME, MirrorNoun.SNAPSHOT)


class Following:
    """A loop (``stowage_runtime.loops``)."""

    def __init__(self, deps: Deps, desks: Callable[[], Desk]) -> None:
        self._deps, self._desks, self._stopped = deps, desks, asyncio.Event()
        settings = deps.settings
        self._intake = Intake(
            settings.mirror_rules,
            settings.mirror_settle_seconds,
            settings.mirror_poll_seconds,
            settings.mirror_queue_length,
        )
        if settings.mirror_amqp_url.get_secret_value():
            deps.pulse.listener = Listener(settings, Ear(self._take, self._missed, self._bound))

    async def run(self) -> None:
        """Listen and look until ``stop``."""
        settings, pulse = self._deps.settings, self._deps.pulse
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            pulse.api = CloudStackApi(settings, session)
            hand = Hand(Questions(pulse.api), self._deps, self._desks)
            async with asyncio.TaskGroup() as group:
                for _ in range(settings.mirror_parallel):
                    group.create_task(Worker(hand, self._stopped).run())
                if pulse.listener is not None:
                    group.create_task(pulse.listener.run())

    def stop(self) -> None:
        """Finish the looks under way."""
        self._stopped.set()
        if self._deps.pulse.listener is not None:
            self._deps.pulse.listener.stop()

    async def _take(self, batch: Sequence[Event | Malformed]) -> None:
        async with self._desks().transaction() as tx:
            await self._intake.take(batch, tx)

    async def _missed(self) -> None:
        """While its broker was away CloudStack dropped what it had to say."""
        async with self._desks().transaction() as tx:
            await ask_for_all(SWEPT, tx, self._deps)

    async def _bound(self, now: str) -> str:
        figures = Figures()
        async with self._desks().transaction() as tx:
            before = await tx.value("mirror.told", BOUND)
            figures.note(BOUND, tx.now, now)
            await figures.write(tx)
        return str(before or "")


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


def mirror_loops(deps: Deps) -> dict[str, Callable[[Callable[[], Desk]], Following]]:
    """The loop of the mirror; none while it is off. Raises InvalidInput for settings that
    contradict each other."""
    settings = deps.settings
    amqp = settings.mirror_amqp_url.get_secret_value()
    check_crossing(amqp, "STOWAGE_MIRROR_AMQP_URL", plaintext=settings.plaintext)
    check_crossing(settings.mirror_api_url, "STOWAGE_MIRROR_API_URL", plaintext=settings.plaintext)
    if amqp and not settings.mirrors:
        raise InvalidInput(
            "CloudStack's events carry ids only: without its API they tell nothing",
            resource="STOWAGE_MIRROR_API_URL",
            code="settings",
            hint="docs/how-to/mirror-cloudstack.md",
        )
    return {"mirror": lambda desks: Following(deps, desks)} if settings.mirrors else {}
