"""data-motion's tables; what a query means here, ``test_tables_tell_the_truth`` compares with SQL.

Rows are kept as the records they are, so that loading one costs nothing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from data_motion.model.states import HOLDS_SLOTS, LEASED, CopyState, HopState, ended
from data_motion.model.turn import QUIET_PHASES
from data_motion.records import AskerRecord, CopyRecord, HopRecord, Record

from tests.simulator.tables.places import PlaceTables
from tests.simulator.tables.rows import Row, Table, Violation

_SAVED = frozenset(CopyRecord.model_fields) - {
    "id",
    "source_key",
    "destination_key",
    "request",
    "account_id",
    "created",
}


class MotionTables(PlaceTables):
    """Copies, askers, hops, agents, stores."""

    tables = (
        "copies",
        "askers",
        "hops",
        "agents",
        "stores",
        "withdrawn",
        "pulse",
        "policies",
        "fleets",
        "drain_left",
    )
    copies: Table
    askers: Table
    hops: Table
    withdrawn: Table
    pulse: Table
    policies: Table

    def hops_of(self, copy_id: str) -> list[HopRecord]:
        found = [hop for hop in self.hops.values() if hop.copy_id == copy_id]
        return sorted(found, key=lambda hop: hop.ordinal)

    def askers_of(self, copy_id: str) -> list[AskerRecord]:
        found = [asker for asker in self.askers.values() if asker.copy_id == copy_id]
        return sorted(found, key=lambda asker: (asker.created, asker.id))

    def used(self) -> Counter[str]:
        holding = (hop for hop in self.hops.values() if hop.state in HOLDS_SLOTS)
        return Counter(slot for hop in holding for slot in hop.slots)

    def q_lock_copies(self, copy_ids: list[str]) -> list[Row]:
        known = sorted(copy_id for copy_id in copy_ids if copy_id in self.copies)
        return [Row({"id": c, "copy": self.copies[c].model_dump_json()}) for c in known]

    q_lock_copies_if_free = q_lock_copies

    def q_parts_of_copies(self, copy_ids: list[str]) -> list[Row]:
        return [
            Row({"id": c, "askers": _texts(self.askers_of(c)), "hops": _texts(self.hops_of(c))})
            for c in copy_ids
        ]

    def q_copies_of_askers(self, asker_ids: list[str]) -> list[Row]:
        known = [self.askers[a] for a in asker_ids if a in self.askers]
        return [Row({"id": asker.id, "copy_id": asker.copy_id}) for asker in known]

    def q_live_twin(self, source_key: str, destination_key: str) -> str | None:
        return next((c.id for c in self._twins(source_key, destination_key)), None)

    def _twins(self, source_key: str, destination_key: str) -> Iterator[CopyRecord]:
        for copy in self.copies.values():
            same = (copy.source_key, copy.destination_key) == (source_key, destination_key)
            if same and not ended(copy.state):
                yield copy

    def q_insert_copies(self, text: str) -> list[Row]:
        given = [CopyRecord.model_validate(row) for row in json.loads(text)]
        fresh = []
        for copy in sorted(given, key=lambda c: (c.source_key, c.destination_key)):
            if not any(self._twins(copy.source_key, copy.destination_key)):
                if copy.id in self.copies:
                    raise Violation(f"copy {copy.id} is inserted twice")
                self.copies[copy.id] = copy
                fresh.append(Row({"id": copy.id}))
        return fresh

    def q_save_job(self, copies: str, askers: str, hops: str) -> int:
        for row in json.loads(copies):
            new = CopyRecord.model_validate(row | {"request": self.copies[row["id"]].request})
            changed = {name: getattr(new, name) for name in _SAVED}
            self.copies[new.id] = self.copies[new.id].having(**changed)
        for row in json.loads(askers):
            asker = AskerRecord.model_validate(row)
            known = self.askers.get(asker.id)
            self.askers[asker.id] = known.having(state=asker.state) if known else asker
        for row in json.loads(hops):
            hop = HopRecord.model_validate(row)
            self.hops[hop.id] = hop
        return 1

    def q_lock_scheduling(self) -> bool | None:
        return True if any(self.offerable()) else None

    def offerable(self) -> Iterator[HopRecord]:
        """Hops that wait for nothing but a slot."""
        for hop in self.hops.values():
            if hop.state is HopState.PENDING and hop.retry_at and hop.retry_at <= self.now:
                yield hop

    def q_candidates(
        self, stores: int, zones: int, accounts: int, spared_from: int, limit: int
    ) -> list[Row]:
        most, busy = {"store": stores, "account": accounts, "zone": zones}, self._busy()
        full = {backup: self._full(most, spared_from, backup=backup) for backup in (True, False)}
        found = [
            (self.copies[hop.copy_id], hop)
            for hop in self.offerable()
            if hop.blocked_on is None
            or not set(hop.blocked_on) <= full[self.copies[hop.copy_id].priority < 0]
        ]
        found.sort(key=lambda f: (-f[0].priority, busy[f[0].account_id], f[0].created, f[0].id))
        return [
            Row(
                {
                    "id": hop.id,
                    "copy_id": copy.id,
                    "account_id": copy.account_id,
                    "priority": copy.priority,
                    "created": copy.created,
                    "blocked_on": hop.blocked_on,
                    "busy": busy[copy.account_id],
                }
            )
            for copy, hop in found[:limit]
        ]

    def _busy(self) -> Counter[str]:
        holding = (hop for hop in self.hops.values() if hop.state in HOLDS_SLOTS)
        return Counter(self.copies[hop.copy_id].account_id for hop in holding)

    def _full(self, slots: dict[str, int], spared_from: int, *, backup: bool) -> set[str]:
        def most(slot: str) -> int:
            kind, _, name = slot.partition(":")
            known = self.agents[name].abilities.slots if name in self.agents else 1
            count = known if kind == "host" else slots[kind]
            return count - (backup and count >= spared_from)

        return {slot for slot, hops in self.used().items() if hops >= most(slot)}

    def q_fleet(self) -> list[Row]:
        agents = sorted(self.agents.values(), key=lambda agent: agent.host_id)
        lately = self.later(-3600)
        stores = [s for s in self.stores.values() if s.removed is None or s.removed > lately]
        return [Row({"agents": agents, "stores": stores, "used": dict(self.used())})]

    def q_planning_agents(self, seconds: float, zones: list[str] | None) -> list[Row]:
        wide = any(view.scope.type == "region" for view in self._caches())
        moving = Counter(hop.host_id for hop in self.running())
        return [
            Row(
                {
                    "host_id": agent.host_id,
                    "location": agent.location.model_dump_json(),
                    "abilities": agent.abilities.model_dump_json(),
                    "running": moving[agent.host_id],
                }
            )
            for _, agent in sorted(self.agents.items())
            if agent.seen > self.later(-seconds)
            and (zones is None or wide or agent.location.zone_id in (None, *zones))
        ]

    def q_planning_rest(self, zone_id: str | None) -> list[Row]:
        policy = self.policies.get(zone_id) or self.policies.get("default")
        fleets = [fleet.view for _, fleet in sorted(self.fleets.items())]
        return [Row({"caches": self._caches(), "fleets": fleets, "policy": policy})]

    def q_unblock(self) -> int:
        for hop in list(self.hops.values()):
            if hop.state is HopState.PENDING:
                self.hops[hop.id] = hop.having(blocked_on=None)
        return 1

    def q_copies_of_host(self, host_id: str) -> list[Row]:
        found = {hop.copy_id for hop in self._live_hops() if hop.host_id == host_id}
        return [Row({"copy_id": copy_id}) for copy_id in sorted(found)]

    def _live_hops(self) -> Iterator[HopRecord]:
        return (hop for hop in self.hops.values() if not ended(hop.state))

    def q_hops_to_keep(self, host_id: str) -> list[Row]:
        found = [
            hop.id
            for hop in self._live_hops()
            if hop.host_id == host_id or hop.destination.grant.owner == "hypervisor-agent"
        ]
        return [Row({"id": hop_id}) for hop_id in sorted(found)]

    def q_copies_on_store(self, store_id: str) -> list[Row]:
        found = {
            copy.id
            for copy in self.copies.values()
            if not ended(copy.state)
            and store_id in (copy.request.source.store_id, copy.request.destination.store_id)
        }
        found |= {
            hop.copy_id
            for hop in self._live_hops()
            if store_id in (hop.source.store_id, hop.destination.store_id)
        }
        return [Row({"id": copy_id}) for copy_id in sorted(found)]

    def q_stuck_on_caches(self, seconds: float) -> list[Row]:
        degraded = {view.id: view.name for view in self._caches() if view.state == "Degraded"}
        found = {
            (hop.copy_id, store_id)
            for hop in self.hops.values()
            for store_id in (hop.source.store_id, hop.destination.store_id)
            if store_id in degraded and hop.state is HopState.MOVING
            if hop.bytes_at is not None and hop.bytes_at < self.later(-seconds)
            if hop.transfer.phase not in QUIET_PHASES
        }
        return [
            Row({"copy_id": copy_id, "store_id": store_id, "name": degraded[store_id]})
            for copy_id, store_id in sorted(found)
        ]

    def q_overdue(self, limit: int) -> list[Row]:
        found = {hop.copy_id for hop in self.hops.values() if hop.due and hop.due <= self.now}
        found |= {
            copy.id
            for copy in self.copies.values()
            if copy.deadline and copy.deadline <= self.now and copy.finished is None
        }
        return [Row({"id": copy_id}) for copy_id in sorted(found)[:limit]]

    def q_leased(self) -> list[Row]:
        found = {hop.copy_id for hop in self.hops.values() if hop.state in LEASED}
        return [Row({"id": copy_id}) for copy_id in sorted(found)]

    def q_beat(self) -> list[Row]:
        before = self.pulse.get("beat")
        self.pulse["beat"] = self.now
        heard = max((agent.seen for agent in self.agents.values()), default=None)
        return [Row({"before": before, "heard": heard})]

    # What people order

    def _leased(self) -> list[HopRecord]:
        return [hop for hop in self.hops.values() if hop.state in LEASED]

    def q_outranking(self, limit: int) -> list[Row]:
        running = self._leased()
        promised = {hop.yields_to for hop in running}
        held = [(self.copies[h.copy_id].priority, h.slots) for h in running if not h.yielding]
        found = []
        for hop in self.offerable():
            copy = self.copies[hop.copy_id]
            lesser = any(
                priority < copy.priority and set(slots) & set(hop.blocked_on or ())
                for priority, slots in held
            )
            if lesser and hop.id not in promised:
                found.append((copy, hop))
        found.sort(key=lambda f: (-f[0].priority, f[0].created, f[0].id))
        rows = [{"id": h.id, "copy_id": c.id, "priority": c.priority} for c, h in found]
        return [Row(row) for row in rows[:limit]]

    def q_holding(self) -> list[Row]:
        names = ("id", "copy_id", "state", "slots", "transfer", "yielding", "yields_to")
        return [
            Row(
                {
                    **{name: getattr(hop, name) for name in names},
                    "priority": self.copies[hop.copy_id].priority,
                }
            )
            for hop in self._leased()
        ]

    def q_drains(self) -> list[Row]:
        rows, moving = [], Counter(hop.host_id for hop in self.running())
        for host_id, agent in list(self.agents.items()):
            if agent.draining and agent.drain_left != moving[host_id]:
                self.agents[host_id] = agent.having(drain_left=moving[host_id])
                row = {"draining": agent.draining, "drain_left": moving[host_id]}
                rows.append(Row({"host_id": host_id, **row}))
        return rows

    def q_withdraw(self, copy_id: str, reason: str) -> int:
        self.withdrawn.setdefault(copy_id, (reason, self.now))
        return 1

    def q_withdrawals(self, copy_ids: list[str]) -> list[Row]:
        gone = [c for c in copy_ids if c in self.withdrawn]
        return [Row({"copy_id": c, "reason": self.withdrawn.pop(c)[0]}) for c in gone]

    def q_forget_copies(self, age: timedelta) -> int:
        return 0

    def q_forget_withdrawn(self) -> int:
        return 0

    def unfinished(self) -> list[CopyRecord]:
        """Copies that have not ended."""
        return [copy for copy in self.copies.values() if not ended(copy.state)]

    def running(self) -> list[HopRecord]:
        """Hops that hold slots."""
        return [hop for hop in self.hops.values() if hop.state in HOLDS_SLOTS]

    def done(self) -> list[CopyRecord]:
        """Copies said to be done."""
        return [copy for copy in self.copies.values() if copy.state is CopyState.DONE]


def _texts(records: Sequence[Record]) -> str | None:
    """A JSON array; none where there are no rows."""
    told = ",".join(record.model_dump_json() for record in records)
    return f"[{told}]" if records else None
