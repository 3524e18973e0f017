"""Workers: they take what is due, a few at a time, and rest while CloudStack answers nobody."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import new_id
from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.telemetry import span

from api_gateway.mirror.api import Away
from api_gateway.mirror.intake import Figures
from api_gateway.mirror.ledger import LEASE_SECONDS, Look, Superseded, problem_of
from api_gateway.mirror.looking import Hand, look_at_one
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.sweeping import look_at_places, sweep

IDLE_SECONDS = 0.5
_log = structlog.get_logger(__name__)


@dataclass
class Worker:
    """One of several."""

    hand: Hand
    stopped: asyncio.Event
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=0.2, cap=5.0))

    async def run(self) -> None:
        """Look until told to stop; the look under way is finished."""
        while not self.stopped.is_set():
            silence = self.hand.questions.api.silence
            if silence:
                await wait(self.stopped, silence)
                continue
            try:
                busy = await self.once()
                self._backoff.reset()
            except Unavailable as error:
                _log.warning("mirror.waits", code=error.code, cause=error.cause)
                await wait(self.stopped, self._backoff.next())
                continue
            except Exception:
                _log.exception("mirror.worker_failed")
                await wait(self.stopped, self._backoff.next())
                continue
            if not busy:
                await wait(self.stopped, IDLE_SECONDS)

    async def once(self) -> bool:
        """Do what is due longest, if anything is; raises Unavailable without the database."""
        async with self.hand.desks().transaction() as tx:
            row = await tx.row("mirror.claim", new_id(), LEASE_SECONDS)
        if row is None:
            return False
        look = Look.of(row)
        with span("mirror look", noun=look.noun, id=look.id):
            await self._look(look)
        return True

    async def _look(self, look: Look) -> None:
        try:
            await _work(look, self.hand)
        except Superseded:
            return
        except Away as error:
            await self._let_go(look, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(look))
            raise
        except Exception as error:
            with suppress(Superseded):
                await self._failed(look, error)
        else:
            await self._count("looks.done")

    async def _let_go(self, look: Look, error: Away) -> None:
        """Nobody is answered: no fault of this one."""
        _log.warning("mirror.api_away", code=error.code, cause=error.cause)
        await self._hand_back(look)
        await self._count("api.away", error.cause)

    async def _failed(self, look: Look, error: Exception) -> None:
        problem = problem_of(error)
        async with self.hand.desks().transaction() as tx:
            patience = self.hand.deps.settings.mirror_patience_seconds
            given_up = await look.postpone(problem, patience, tx)
        _log.warning(
            "mirror.given_up" if given_up else "mirror.postponed",
            noun=look.noun,
            id=look.id,
            code=problem.code,
            cause=problem.cause,
        )
        await self._count("looks.failed", f"{look.noun}/{look.id}: {problem.cause}")

    async def _hand_back(self, look: Look) -> None:
        async with self.hand.desks().transaction() as tx:
            await look.release(tx)

    async def _count(self, name: str, told: str | None = None) -> None:
        figures = Figures()
        figures.count(name)
        async with self.hand.desks().transaction() as tx:
            if told is not None:
                figures.note(name, tx.now, told)
            await figures.write(tx)


async def _work(look: Look, hand: Hand) -> None:
    if look.noun is MirrorNoun.PLACE:
        await look_at_places(look, hand)
    elif look.id:
        await look_at_one(look, hand)
    else:
        await sweep(look, hand)
