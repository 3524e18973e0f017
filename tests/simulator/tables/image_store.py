"""image-store's tables, as far as copies, grants and replicas go."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stowage_contracts.values import ImageFormat, Verdict

from tests.simulator.tables.rows import Row, Table, Tables, Violation

_REF = {
    "update_count": 0,
    "size": None,
    "digest": None,
    "error": None,
    "verified": None,
    "read_after": None,
    "install": None,
    "base_ref": None,
    "moves_from": None,
}
BLANK_REF = _REF
_OBJECT = {
    "size": None,
    "virtual_size": None,
    "digest": None,
    "error": None,
    "removed": False,
    "due": None,
    "attempts": 0,
}
_GRANT = {
    "ref_id": None,
    "source_noun": None,
    "source_id": None,
    "for_ref": None,
    "expires": None,
    "state": "active",
    "epoch": 0,
    "writer": "",
    "session": "",
}
ACCEPTED = Verdict(accepted=True, format=ImageFormat.QCOW2, gate_version=1).model_dump(mode="json")


class ImageTables(Tables):
    """Objects, replicas, grants, askers, stores, hosts; every digest has passed the gate."""

    tables = ("objects", "refs", "grants", "askers", "stores", "hosts", "removals", "limits")
    objects: Table
    refs: Table
    grants: Table
    askers: Table
    stores: Table
    hosts: Table
    removals: Table
    """Orders to delete from a pool, by replica; no agent here carries them out."""
    limits: Table
    """What accounts may have, by account; only those with a limit are here."""

    # Stores and hosts

    def q_zone(self, zone_id: str) -> list[Row]:
        return [Row({"id": zone_id, "name": zone_id})]

    def q_store(self, store_id: str) -> list[Row]:
        row = self.stores.get(store_id)
        reserved = sum(r["reserved"] for r in self.refs.values() if r["store_id"] == store_id)
        return [] if row is None else [row.having(reserved=reserved)]

    q_lock_store = q_store

    def q_account_limit(self, account_id: str) -> list[Row]:
        row = self.limits.get(account_id)
        return [] if row is None else [row]

    def q_account_bytes(self, account_id: str) -> list[Row]:
        refs = [r for r in self.refs.values() if r["account_id"] == account_id]
        stored = [r for r in refs if r["role"] == "Image"]
        ready = sum(r["size"] for r in stored if r["state"] == "Ready")
        return [Row({"ready": ready, "reserved": sum(r["reserved"] for r in stored)})]

    def q_store_filled(self, store_id: str, size: int) -> int:
        used = self.stores[store_id]["used_bytes"]
        return self.change(self.stores, store_id, used_bytes=used + size)

    def q_store_error(self, store_id: str, error: Any) -> int:
        return self.change(self.stores, store_id, error=error)

    def q_read_host(self, host_id: str) -> list[Row]:
        return _one(self.hosts.get(host_id))

    def q_zones_of_stores(self, noun: str, object_id: str) -> list[Row]:
        held = {ref["store_id"] for ref in self._refs_of(noun, object_id)}
        return [self.stores[store_id] for store_id in sorted(held) if store_id in self.stores]

    # Objects

    def q_add_object(self, row: dict[str, Any]) -> int:
        key = (row["noun"], row["id"])
        if key in self.objects:
            return 0
        self.objects[key] = Row({**_OBJECT, **row, "created": self.now})
        return 1

    def q_object(self, noun: str, object_id: str) -> list[Row]:
        return _one(self.objects.get((noun, object_id)))

    def q_lock_object_of(self, ref_id: str) -> list[Row]:
        ref = self.refs.get(ref_id)
        return [] if ref is None else self.q_object(ref["noun"], ref["object_id"])

    def q_id_taken(self, object_id: str, noun: str) -> bool:
        return any(known[1] == object_id and known[0] != noun for known in self.objects)

    def q_object_known(self, noun: str, object_id: str, *known: Any) -> int:
        size, virtual_size, digest = known
        columns = {"size": size, "virtual_size": virtual_size, "digest": digest}
        return self.change(self.objects, (noun, object_id), **columns, error=None, attempts=0)

    def q_object_failed(self, noun: str, object_id: str, error: Any) -> int:
        return self.change(self.objects, (noun, object_id), error=error)

    def q_object_due(self, noun: str, object_id: str, after: float) -> int:
        return self.change(self.objects, (noun, object_id), due=self.later(after))

    def q_drop_object(self, noun: str, object_id: str) -> int:
        return int(self.objects.pop((noun, object_id), None) is not None)

    # Replicas

    def _refs_of(self, noun: str, object_id: str) -> list[Row]:
        found = [r for r in self.refs.values() if (r["noun"], r["object_id"]) == (noun, object_id)]
        return sorted(found, key=lambda ref: str(ref["id"]))

    q_replicas_of = _refs_of

    def q_add_ref(self, row: dict[str, Any]) -> list[Row]:
        for ref in self._refs_of(row["noun"], row["object_id"]):
            if ref["store_id"] == row["store_id"]:
                raise Violation(f"two replicas of {row['object_id']} on {row['store_id']}")
        self.refs[row["id"]] = Row({**_REF, **row, "update_count": 1, "updated": self.now})
        return self.q_ref(row["id"])

    def q_ref(self, ref_id: str) -> list[Row]:
        return _one(self.refs.get(ref_id))

    q_read_ref = q_ref

    def q_ref_on(self, noun: str, object_id: str, store_id: str) -> list[Row]:
        return [r for r in self._refs_of(noun, object_id) if r["store_id"] == store_id]

    def q_move_ref(self, ref_id: str, state: str, count: int, after: str) -> list[Row]:
        ref = self.refs.get(ref_id)
        if ref is None or (ref["state"], ref["update_count"]) != (state, count):
            return []
        columns = {"state": after, "update_count": count + 1, "updated": self.now}
        self.change(self.refs, ref_id, **columns)
        return self.q_ref(ref_id)

    def q_ref_known(self, ref_id: str, size: int, digest: str, reserved: int) -> list[Row]:
        self.change(self.refs, ref_id, size=size, digest=digest, reserved=reserved)
        return self.q_ref(ref_id)

    def q_ref_ready(self, ref_id: str, state: str, count: int, *rest: Any) -> int:
        after, whole = rest
        if not self.q_move_ref(ref_id, state, count, after):
            return 0
        read = {"verified": self.now, "error": None} if whole else {}
        return self.change(self.refs, ref_id, reserved=0, **read)

    def q_hurry_of(self, ref_id: str) -> int:
        asked = [a["request"] for a in self.askers.values() if a["ref_id"] == ref_id]
        return max((request["priority"] for request in asked), default=0)

    def q_ref_failed(self, ref_id: str, error: Any) -> int:
        return self.change(self.refs, ref_id, error=error, reserved=0)

    def q_reserve(self, ref_id: str, size: int) -> int:
        return self.change(self.refs, ref_id, reserved=size)

    def q_drop_ref(self, ref_id: str) -> int:
        self._drop(self.askers, "ref_id", ref_id)
        self._drop(self.grants, "ref_id", ref_id)
        self._drop(self.grants, "for_ref", ref_id)
        return int(self.refs.pop(ref_id, None) is not None)

    def q_add_removal(self, removal_id: str, ref_id: str, *_: Any) -> int:
        self.removals[ref_id] = Row({"id": removal_id, "ref_id": ref_id})
        return 1

    def q_has_heir(self, store_id: str, key: str, ref_id: str) -> bool:
        at = [
            r for r in self.refs.values() if (r["store_id"], r["install_path"]) == (store_id, key)
        ]
        return any(
            r["state"] == "Ready" or (r["id"] != ref_id and not self._writing(r)) for r in at
        )

    def _writing(self, ref: Row) -> bool:
        return bool(list(self._writes(ref["id"], "active")))

    def _drop(self, table: Table, column: str, value: Any) -> None:
        for key in [key for key, row in table.items() if row[column] == value]:
            del table[key]

    def q_drop_inspections_of(self, ref_id: str) -> int:
        return 0

    def q_verdict(self, digest: str, declared: str) -> Any:
        return ACCEPTED

    def q_leaves_kept(self, digest: str) -> bool:
        return False

    # Volumes made of a pool's own copy: full copies only, so that nothing waits or stands on one

    def q_ref_installs(self, ref_id: str, install: Any, base_ref: str | None) -> int:
        return self.change(self.refs, ref_id, install=install, base_ref=base_ref)

    def q_waiting_for(self, ref_id: str) -> list[Row]:
        return []

    q_waits_of = q_waiting_for

    def q_stands_on(self, ref_id: str) -> bool:
        return any(ref["base_ref"] == ref_id for ref in self.refs.values())

    # Askers

    def q_asked(self, copy_id: str, ref_id: str, request: Any) -> int:
        row = {"copy_id": copy_id, "ref_id": ref_id, "request": request, "said": self.now}
        self.askers.setdefault(copy_id, Row(row))
        return 1

    def q_unasked(self, ref_id: str, copy_id: str) -> bool | None:
        asker = self.askers.get(copy_id)
        if asker is None or asker["ref_id"] != ref_id:
            return None
        del self.askers[copy_id]
        return not any(other["ref_id"] == ref_id for other in self.askers.values())

    def q_answered(self, ref_id: str) -> int:
        self._drop(self.askers, "ref_id", ref_id)
        read = [g for g in self.grants.values() if g["for_ref"] == ref_id]
        return sum(self.q_grant_state(g["id"], "ended") for g in read if g["state"] == "active")

    def q_unanswered(self, seconds: float) -> list[Row]:
        late = [a for a in self.askers.values() if a["said"] < self.later(-seconds)]
        for asker in late:
            self.change(self.askers, asker["copy_id"], said=self.now)
        return late

    def q_ref_of_write(self, grant_id: str) -> str | None:
        grant = self.grants.get(grant_id)
        return grant["ref_id"] if grant is not None and grant["writes"] else None

    # Grants

    def q_add_grant(self, row: dict[str, Any]) -> int:
        given = {**_GRANT, **row, "created": self.now}
        if isinstance(given["expires"], str):
            given["expires"] = datetime.fromisoformat(given["expires"])
        self.grants.setdefault(row["id"], Row(given))
        return 1

    def q_grant(self, grant_id: str) -> list[Row]:
        return _one(self.grants.get(grant_id))

    def q_lock_ref_of_grant(self, grant_id: str) -> str | None:
        return self.q_ref_of_write(grant_id)

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

    def q_wrote_whole(self, ref_id: str) -> bool:
        return bool(list(self._writes(ref_id, "committed")))

    def q_write_grant_of(self, ref_id: str) -> list[Row]:
        return sorted(self._writes(ref_id, "active"), key=lambda grant: grant["created"])[:1]

    def _writes(self, ref_id: str, state: str) -> Iterator[Row]:
        for grant in self.grants.values():
            if grant["ref_id"] == ref_id and grant["writes"] and grant["state"] == state:
                yield grant

    def q_readers_of(self, ref_id: str) -> int:
        reads = (g for g in self.grants.values() if g["ref_id"] == ref_id and not g["writes"])
        return sum(g["state"] == "active" and g["purpose"] == "copy" for g in reads)


def _one(row: Row | None) -> list[Row]:
    return [] if row is None else [row]


def keep_session(grants: Table, grant_id: str, writer: str, session: str) -> int:
    """A writer keeps the session it began, unless it lost the grant or has one already."""
    grant = grants.get(grant_id)
    if grant is None or (grant["writer"], grant["state"]) != (writer, "active"):
        return 0
    if grant["session"] not in ("", session):
        return 0
    grants[grant_id] = grant.having(session=session)
    return 1
