"""What must be true of a simulated cloud when all is over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_motion.model.states import AskerState, CopyState, ended
from data_motion.records import CopyRecord
from stowage_contracts.values import StoreRole

from tests.simulator.carrying import BEHIND, LANES
from tests.simulator.stores import SimStore, content_of
from tests.simulator.watch import Watch
from tests.simulator.workload import GATEWAY, Workload
from tests.simulator.world import World

ENDINGS = {
    CopyState.DONE: "CopyCompleted",
    CopyState.FAILED: "CopyFailed",
    CopyState.CANCELLED: "CopyCancelled",
}
Check = Callable[[], Iterator[str]]


@dataclass
class Aftermath:
    """Looks at everything once the weather was clear for long enough."""

    world: World
    workload: Workload
    watch: Watch

    def check(self) -> list[str]:
        """Everything that is wrong; empty when all is well."""
        checks: tuple[Check, ...] = (
            self._ended,
            self._debris,
            self._objects,
            self._records,
            self._sources,
            self._grants,
            self._sent_again,
            self._letters,
        )
        return [trouble for check in checks for trouble in check()]

    def _ended(self) -> Iterator[str]:
        for copy in self.world.motion.unfinished():
            yield f"copy {copy.id} is {copy.state} for ever, waiting for {copy.waiting_for!r}"
        for hop in self.world.motion.hops.values():
            if not ended(hop.state):
                yield f"hop {hop.id} is {hop.state} for ever"
        for agent in self.world.agents.values():
            yield from (f"{agent.host_id} still moves {hop_id}" for hop_id in agent.running)

    def _debris(self) -> Iterator[str]:
        for place in self.world.stores.values():
            for write in place.writes.values():
                yield f"unfinished write {write.writer} of {write.key} is left on {place.id}"
        for host in self.world.services.values():
            for intent in host.tables.intents.values():
                yield f"{host.node.name} has {intent.kind} {intent.key} left to do"

    def _rows(self) -> Iterator[str]:
        tables = self.world.caches
        yield from (f"pin of {key[1]} is left" for key in tables.pins)
        for entry in tables.entries.values():
            if entry["state"] != "ready":
                yield f"cache entry {entry['key']} is {entry['state']} for ever"
        for ref in self.world.images.refs.values():
            leaving = ref["id"] in self.world.images.removals and ref["state"] == "Destroying"
            if ref["state"] not in ("Ready", "Failed") and not leaving:
                yield f"replica {ref['install_path']} is {ref['state']} for ever"
            if ref["reserved"]:
                yield f"{ref['reserved']} bytes stay reserved for {ref['install_path']}"

    def _objects(self) -> Iterator[str]:
        """Destination bytes are equal or absent, and what is there is known."""
        for place in self.world.stores.values():
            for key, held in place.objects.items():
                source = self._image_of(place, key)
                if source is None:
                    yield f"{key} on {place.id} belongs to nobody"
                elif held.content != content_of(source, self.world.ranges):
                    yield f"{key} on {place.id} is not {source}: {held.content}"

    def _image_of(self, store: SimStore, key: str) -> str | None:
        if store.id.startswith("cache"):
            entries = self.world.caches.entries.values()
            found = [e for e in entries if (e["store_id"], e["key"]) == (store.id, key)]
            return str(found[0]["object_id"]) if found else None
        for ref in self.world.images.refs.values():
            if (ref["store_id"], ref["install_path"]) == (store.id, key):
                row = self.world.images.objects[ref["noun"], ref["object_id"]]
                return str(row["template_id"] or row["id"])
        return None

    def _records(self) -> Iterator[str]:
        """Ready replicas and ready entries have their bytes."""
        for ref in self.world.images.refs.values():
            there = ref["install_path"] in self.world.stores[ref["store_id"]].objects
            if ref["state"] == "Ready" and not there:
                yield f"{ref['install_path']} is Ready and not on {ref['store_id']}"
            if ref["state"] == "Failed" and there:
                yield f"{ref['install_path']} is Failed and on {ref['store_id']}"
        for entry in self.world.caches.entries.values():
            place = self.world.stores[entry["store_id"]]
            if not place.dead and entry["key"] not in place.objects:
                yield f"cache entry {entry['key']} is {entry['state']} and has no bytes"
        for copy in self.world.motion.copies.values():
            yield from self._copy(copy)

    def _copy(self, copy: CopyRecord) -> Iterator[str]:
        end = copy.request.destination
        ever = not end.store_id or self.world.stores[end.store_id].commits.get(end.key)
        if copy.state is CopyState.DONE and not copy.request.present and not ever:
            yield f"copy {copy.id} is done, {end.key} never was on {end.store_id}"
        for asker in self.world.motion.askers_of(copy.id):
            gone = asker.state is AskerState.DETACHED
            wanted = "CopyCancelled" if gone else ENDINGS.get(copy.state)
            told = self.watch.ends.get(asker.id, "nothing")
            if told != wanted:
                yield f"copy {copy.id} is {copy.state}, asker {asker.id} was told {told}"

    def _sources(self) -> Iterator[str]:
        """Nothing but an order to go takes a source."""
        for ref_id, ref in self.world.images.refs.items():
            name = f"{ref['store_id']}/{ref['install_path']}"
            ours = ref_id.startswith("ref-") and name not in self.workload.destroyed
            if ours and ref["install_path"] not in self.world.stores[ref["store_id"]].objects:
                yield f"source {name} is gone"

    def _grants(self) -> Iterator[str]:
        """Nobody holds access to what is made, or to what nobody copies any more."""
        refs = self.world.images.refs
        for grant in self.world.images.grants.values():
            ref = refs.get(grant["for_ref"] or grant["ref_id"])
            ours = ref is None or not grant["writes"] or ref["role"] == StoreRole.IMAGE
            if grant["state"] == "active" and ours and (not ref or ref["state"] != "Creating"):
                yield f"grant {grant['id']} on {grant['ref_id']} is active for ever"
        for grant in self.world.caches.grants.values():
            if grant["writes"] and grant["state"] == "active":
                yield f"write grant {grant['id']} of entry {grant['entry_id']} is active for ever"

    def _sent_again(self) -> Iterator[str]:
        """Who holds the lease sends a range again only if it was in flight when one was lost."""
        for hop in self.world.motion.hops.values():
            store = self.world.stores[hop.destination.store_id or ""]
            sent = sum(n for (hop_id, _), n in store.sent.items() if hop_id == hop.id)
            in_flight = LANES if store.multipart else BEHIND + LANES
            whole = hop.generation + store.refused[hop.id]
            most = self.world.ranges * whole + max(0, hop.epoch - 1) * in_flight
            if sent > most:
                yield f"hop {hop.id} sent {sent} ranges, {most} at most were called for"

    def _letters(self) -> Iterator[str]:
        """An order for a copy nobody ever heard of is the only one that nobody can follow."""
        for dead in self.world.bus.dead:
            copy_id = getattr(dead.message, "copy_id", "")
            if not (dead.source == GATEWAY and copy_id not in self.world.motion.askers):
                yield f"dead letter: {dead}"
