"""What must hold of a simulated cloud at every step of data-motion."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from data_motion import store
from data_motion.endpoints.locality import LocalityThenLoad
from data_motion.model.leases import Placed
from data_motion.model.placing import Placer
from data_motion.model.states import HopState, ended
from data_motion.records import HopRecord
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.values import ServiceName

from tests.simulator.bus import Letter
from tests.simulator.kernel import at_once
from tests.simulator.scenery import LIMITS
from tests.simulator.tables.data_motion import MotionTables
from tests.simulator.tables.rows import MemoryTx, Violation
from tests.simulator.world import World

ENDS = (CopyCompleted, CopyFailed, CopyCancelled)


@dataclass
class Watch:
    """Looks at every commit of data-motion."""

    world: World
    ends: dict[str, str] = field(default_factory=dict)
    """How each asker's copy ended, as it was first told."""
    _before: dict[str, HopRecord] = field(default_factory=dict)

    def begin(self) -> None:
        """From now on."""
        self.world.services[ServiceName.DATA_MOTION].watchers.append(self.step)
        self.world.bus.heard.append(self._told)

    def step(self, tables: MotionTables, tx: MemoryTx) -> None:
        """After one transaction; raises Violation."""
        for trouble in (*self._slots(tables), *self._hops(tables), *self._order(tables, tx)):
            raise Violation(trouble)
        self._before = dict(tables.hops)

    def _slots(self, tables: MotionTables) -> Iterator[str]:
        for slot, used in tables.used().items():
            kind, _, name = slot.partition(":")
            host = tables.agents[name].abilities.slots if kind == "host" else 0
            most = host or LIMITS.slots_of(kind)
            if used > most:
                yield f"{used} hops hold the {most} slots of {slot}"

    def _order(self, tables: MotionTables, tx: MemoryTx) -> Iterator[str]:
        """Nobody is given a slot that somebody more urgent could have had."""
        for hop in tables.hops.values():
            before = self._before.get(hop.id)
            if hop.state is HopState.OFFERED and before and before.state is HopState.PENDING:
                yield from self._overtaken(hop, tables, tx)

    def _overtaken(self, hop: HopRecord, tables: MotionTables, tx: MemoryTx) -> Iterator[str]:
        fleet = at_once(store.fleet(tx))
        for slot in hop.slots:
            fleet.used[slot] -= 1
        placer = Placer(LocalityThenLoad(), LIMITS)
        for other in tables.offerable():
            copy = tables.copies[other.copy_id]
            if copy.priority > tables.copies[hop.copy_id].priority:
                found = placer.place(other, copy, fleet)
                if isinstance(found, Placed):
                    yield f"hop {hop.id} was offered before {other.id}, which is more urgent"

    def _hops(self, tables: MotionTables) -> Iterator[str]:
        for hop in tables.hops.values():
            before = self._before.get(hop.id)
            if hop is not before:
                yield from self._hop(hop, before)

    def _hop(self, hop: HopRecord, before: HopRecord | None) -> Iterator[str]:
        if before is not None and hop.epoch < before.epoch:
            yield f"the epoch of hop {hop.id} fell"
        waits = hop.state is HopState.PENDING and hop.retry_at is None
        if not ended(hop.state) and not waits and hop.due is None:
            yield f"a {hop.state} hop has no deadline"
        if hop.state is HopState.COMMITTING:
            by = hop.receipt.source_validator if hop.receipt else "nobody"
            if by != f"{hop.host_id}/{hop.epoch}":
                yield f"epoch {hop.epoch} of {hop.host_id} commits what {by} wrote"
        if hop.state is HopState.COMMITTED and before is not None and before.state is not hop.state:
            yield from self._exists(hop)
        if before is not None and hop.generation > before.generation:
            yield from self._anew(hop, before)

    def _anew(self, hop: HopRecord, before: HopRecord) -> Iterator[str]:
        """All is sent again only where what was sent is of no use."""
        stalled = before.state is HopState.MOVING and hop.error in (before.error, None)
        if ended(hop.state):
            return  # it begins nothing: its cache was lost in the same transaction
        if before.state is not HopState.COMMITTING and not stalled:
            yield f"hop {hop.id} begins a new part after {hop.error and hop.error.code}"

    def _exists(self, hop: HopRecord) -> Iterator[str]:
        """What is committed was there; it may have been deleted since."""
        store = self.world.stores[hop.destination.store_id or ""]
        if not store.commits.get(hop.destination.key):
            yield f"hop {hop.id} is committed, {hop.destination.key} never was on {store.id}"

    def _told(self, letter: Letter) -> None:
        message = letter.message
        if isinstance(message, ENDS):
            kind = type(message).__name__
            first = self.ends.setdefault(message.state.id, kind)
            if first != kind:
                raise Violation(f"{message.state.id} was told {first}, then {kind}")
