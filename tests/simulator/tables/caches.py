"""cache-autoscaler's tables, as far as entries, pins and grants go."""

from typing import Any

from cache_autoscaler.model.entries import Totals
from cache_autoscaler.store import entry_of

from tests.simulator.tables.image_store import keep_session
from tests.simulator.tables.rows import Row, Table, Tables, Violation


class CacheTables(Tables):
    """Stores, entries, pins, grants, waits."""

    tables = ("stores", "entries", "pins", "grants", "waits", "decisions", "losses")
    stores: Table
    entries: Table
    pins: Table
    grants: Table
    waits: Table
    decisions: Table
    losses: Table

    # Stores

    def q_store(self, store_id: str) -> list[Row]:
        return [self._counted(self.stores[store_id])] if store_id in self.stores else []

    def q_stores(self) -> list[Row]:
        return [self._counted(self.stores[store_id]) for store_id in sorted(self.stores)]

    def _counted(self, store: Row) -> Row:
        def held(*states: str) -> int:
            here = (e for e in self.entries.values() if e["store_id"] == store["id"])
            return sum(e["size"] for e in here if e["state"] in states)

        kept, reserved = held("ready", "evicting"), held("reserved", "filling")
        return store.having(kept_bytes=kept, reserved_bytes=reserved)

    def q_place_alone(self) -> None:
        return None

    def q_lock_stores(self) -> list[Row]:
        return []

    def q_lock_store(self, store_id: str) -> list[Row]:
        return []

    def q_store_probed(
        self, store_id: str, state: str, checks: Any, can: Any, total: Any, used: Any, error: Any
    ) -> int:
        return self.change(self.stores, store_id, state=state, error=error, probed=self.now)

    def q_stores_to_probe(self, idle: float, used: float, again: float) -> list[Row]:
        failing = (s for s in self.stores.values() if s["state"] == "Degraded" or s["error"])
        return [s for s in failing if s["probed"] < self.later(-again)]

    def q_store_error(self, store_id: str, error: Any) -> int:
        return self.change(self.stores, store_id, error=error)

    def q_degrade_vm_store(self, store_id: str, error: Any) -> int:
        if store_id not in self.stores or self.stores[store_id]["state"] != "Up":
            return 0
        return self.change(self.stores, store_id, state="Degraded", error=error)

    def q_drop_entries_of(self, store_id: str) -> int:
        here = [e["id"] for e in self.entries.values() if e["store_id"] == store_id]
        return sum(self.q_drop_entry(entry_id) for entry_id in here)

    def q_drop_store(self, store_id: str) -> int:
        return int(self.stores.pop(store_id, None) is not None)

    def q_loads(self, seconds: float) -> list[Row]:
        idle = {"high": False, "shown_bytes_per_second": 0.0, "bytes_per_second": 0.0, "streams": 0}
        return [Row({"id": store_id, **idle, "backlog_bytes": 0}) for store_id in self.stores]

    def q_host_roots(self, host_id: str) -> Any:
        return None

    def q_fleets_reaching(self, *places: str | None) -> list[Row]:
        return []

    # Entries

    def q_add_entry(self, entry_id: str, store_id: str, *rest: Any) -> int:
        names = ("digest", "format", "object_kind", "object_id", "key", "size", "fill_copy")
        told = dict(zip(names, rest, strict=True))
        for other in self.entries.values():
            same = (other["store_id"], other["digest"], other["format"])
            if same == (store_id, told["digest"], told["format"]) and other["state"] != "evicting":
                raise Violation(f"two entries of {told['object_id']} on {store_id}")
        fresh = {"state": "reserved", "hits": 0, "last_used": self.now, "created": self.now}
        fresh |= {"held_until": None, "fill_seconds": None, "hold_seconds": 0.0}
        self.entries[entry_id] = Row({"id": entry_id, "store_id": store_id, **told, **fresh})
        return 1

    def q_store_of(self, entry_id: str) -> str | None:
        entry = self.entries.get(entry_id)
        return None if entry is None else str(entry["store_id"])

    def q_entry(self, entry_id: str) -> list[Row]:
        return [self.entries[entry_id]] if entry_id in self.entries else []

    def _all_entries(self) -> list[Row]:
        return [
            self.entries[entry_id].having(pinned=self._pinned(entry_id))
            for entry_id in sorted(self.entries)
        ]

    def q_entries_like(self, digest: str, format: str) -> list[Row]:
        wanted = (digest, format)
        return [e for e in self._all_entries() if (e["digest"], e["format"]) == wanted]

    def q_entries_on(self, store_id: str) -> list[Row]:
        return [e for e in self._all_entries() if e["store_id"] == store_id]

    def q_totals(self) -> list[Row]:
        return [
            Row({"store_id": store_id, **vars(self._totals(store_id))}) for store_id in self.stores
        ]

    def _totals(self, store_id: str) -> Totals:
        return Totals.of([entry_of(row) for row in self.q_entries_on(store_id)], self.now)

    def _pinned(self, entry_id: str) -> bool:
        pins = (pin for pin in self.pins.values() if pin["entry_id"] == entry_id)
        return any(pin["expires"] > self.now for pin in pins)

    def q_entry_state(self, entry_id: str, state: str) -> int:
        entry = self.entries.get(entry_id)
        if entry is None or entry["state"] == "evicting":
            return 0
        return self.change(self.entries, entry_id, state=state)

    def q_entry_filling(self, entry_id: str) -> int:
        entry = self.entries.get(entry_id)
        if entry is None or entry["state"] not in ("reserved", "filling"):
            return 0
        return self.change(self.entries, entry_id, state="filling")

    def q_entry_ready(self, entry_id: str) -> int:
        if not self.q_entry_state(entry_id, "ready"):
            return 0
        seconds = self.entries[entry_id]["hold_seconds"]
        return self._held(entry_id, seconds) if seconds else 1

    def q_entry_wanted_for(self, entry_id: str, seconds: float) -> int:
        self.change(self.entries, entry_id, hold_seconds=seconds)
        ready = self.entries[entry_id]["state"] == "ready"
        return self._held(entry_id, seconds) if ready else 1

    def _held(self, entry_id: str, seconds: float) -> int:
        return self.change(self.entries, entry_id, held_until=self.later(seconds))

    def q_add_loss(self, entry_id: str, why: str) -> int:
        entry = self.entries[entry_id]
        row = {"store_id": entry["store_id"], "digest": entry["digest"], "why": why}
        self.losses[entry_id] = Row({**row, "format": entry["format"]})
        return 1

    def _lost(self, digest: str, format: str) -> list[Row]:
        wanted = (digest, format)
        return [r for r in self.losses.values() if (r["digest"], r["format"]) == wanted]

    def q_lost_lately(self, digest: str, format: str) -> bool:
        return bool(self._lost(digest, format))

    def q_damages(self, digest: str, format: str) -> list[Row]:
        lost = [row["store_id"] for row in self._lost(digest, format) if row["why"] == "damaged"]
        return [Row({"store_id": one, "times": lost.count(one)}) for one in sorted(set(lost))]

    def q_entry_used(self, entry_id: str) -> int:
        hits = self.entries[entry_id]["hits"] + 1
        return self.change(self.entries, entry_id, hits=hits, last_used=self.now)

    def q_drop_entry(self, entry_id: str) -> int:
        for table in (self.pins, self.grants):
            for key in [key for key, row in table.items() if row["entry_id"] == entry_id]:
                del table[key]
        return int(self.entries.pop(entry_id, None) is not None)

    def q_entries_evicting(self) -> list[Row]:
        return [e for e in self.entries.values() if e["state"] == "evicting"]

    def _fills(self) -> list[Row]:
        return [e for e in self.entries.values() if e["state"] in ("reserved", "filling")]

    def q_fills_of(self, copy_id: str) -> list[Row]:
        return [entry for entry in self._fills() if entry["fill_copy"] == copy_id]

    def q_fills_dead(self) -> list[Row]:
        return [entry for entry in self._fills() if not self._pinned(entry["id"])]

    # Pins and waits

    def q_pin(self, entry_id: str, copy_id: str, seconds: float) -> int:
        row = {"entry_id": entry_id, "copy_id": copy_id, "expires": self.later(seconds)}
        self.pins[entry_id, copy_id] = Row(row)
        return 1

    def q_pin_of(self, copy_id: str) -> str | None:
        found = [
            pin
            for pin in self.pins.values()
            if pin["copy_id"] == copy_id and self.entries[pin["entry_id"]]["state"] != "evicting"
        ]
        found.sort(key=lambda pin: pin["expires"])
        return found[-1]["entry_id"] if found else None

    def q_renew_pins(self, copy_id: str, seconds: float) -> int:
        mine = [key for key in self.pins if key[1] == copy_id]
        return sum(self.change(self.pins, key, expires=self.later(seconds)) for key in mine)

    def q_pinned_on(self, copy_id: str, store_id: str) -> list[Row]:
        mine = [self.entries[key[0]] for key in self.pins if key[1] == copy_id]
        return [entry for entry in mine if entry["store_id"] == store_id]

    def q_read_by(self, copy_id: str) -> list[Row]:
        mine = [self.entries[key[0]] for key in self.pins if key[1] == copy_id]
        return [entry for entry in mine if entry["state"] == "ready"]

    def q_unpin(self, entry_id: str, copy_id: str) -> int:
        return int(self.pins.pop((entry_id, copy_id), None) is not None)

    def q_unpin_copy(self, copy_id: str) -> int:
        return sum(self.q_unpin(*key) for key in list(self.pins) if key[1] == copy_id)

    def q_drop_lapsed_pins(self) -> int:
        lapsed = [key for key, pin in self.pins.items() if pin["expires"] <= self.now]
        return sum(self.q_unpin(*key) for key in lapsed)

    def q_wait(self, copy_id: str, store_id: str, size: int, seconds: float) -> int:
        row = {"copy_id": copy_id, "store_id": store_id, "size": size}
        self.waits[copy_id] = Row({**row, "expires": self.later(seconds)})
        return 1

    def q_stop_waiting(self, copy_id: str) -> int:
        return int(self.waits.pop(copy_id, None) is not None)

    def q_drop_lapsed_waits(self) -> int:
        for copy_id in [c for c, wait in self.waits.items() if wait["expires"] <= self.now]:
            del self.waits[copy_id]
        return 0

    def q_decide(self, kind: str, subject: str, reason: str, details: Any) -> int:
        return 1

    # Grants

    def q_add_grant(self, grant_id: str, entry_id: str, copy_id: str, writes: bool) -> int:
        row = {"id": grant_id, "entry_id": entry_id, "copy_id": copy_id, "writes": writes}
        fresh = {"state": "active", "epoch": 0, "writer": "", "session": "", "created": self.now}
        self.grants[grant_id] = Row({**row, **fresh})
        return 1

    def q_grant(self, grant_id: str) -> list[Row]:
        return [self.grants[grant_id]] if grant_id in self.grants else []

    def q_grant_of(self, entry_id: str, copy_id: str, writes: bool) -> str | None:
        wanted = (entry_id, copy_id, writes)
        for grant in self.grants.values():
            known = (grant["entry_id"], grant["copy_id"], grant["writes"])
            if known == wanted and grant["state"] != "revoked":
                return str(grant["id"])
        return None

    def q_grant_redeemed(self, grant_id: str, epoch: int, writer: str, session: str) -> int:
        columns = {"epoch": epoch, "writer": writer, "session": session}
        return self.change(self.grants, grant_id, **columns)

    def q_grant_session(self, grant_id: str, writer: str, session: str) -> int:
        return keep_session(self.grants, grant_id, writer, session)

    def q_grant_state(self, grant_id: str, state: str) -> int:
        grant = self.grants.get(grant_id)
        if grant is None or grant["state"] == state:
            return 0
        return self.change(self.grants, grant_id, state=state)

    def q_writers_of(self, entry_id: str) -> list[Row]:
        mine = (g for g in self.grants.values() if g["entry_id"] == entry_id and g["writes"])
        return [grant for grant in mine if grant["writer"]]

    def q_forget_grants(self, seconds: float) -> int:
        return 0
