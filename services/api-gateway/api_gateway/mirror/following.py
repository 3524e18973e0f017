"""Following a CloudStack: the listener and the workers of one gateway, as one loop."""

import asyncio
from collections.abc import Callable, Sequence

import aiohttp
from stowage_contracts.errors import InvalidInput
from stowage_runtime.crossing import check_crossing
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.mirror.api import CloudStackApi
from api_gateway.mirror.asking import Questions
from api_gateway.mirror.events import Event, Malformed
from api_gateway.mirror.intake import Figures, Intake
from api_gateway.mirror.listener import Ear, Listener
from api_gateway.mirror.looking import Hand
from api_gateway.mirror.scheduling import SWEPT, ask_for_all
from api_gateway.mirror.working import Worker

BOUND = "broker.bound"
"""Figure that remembers which events the queue gets: the broker itself tells nobody."""


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
