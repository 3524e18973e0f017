"""What of a CloudStack is taken over, from where, and why the rest is not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stowage_contracts.values import ImageFormat

from stowage_client.importing.naming import (
    checksum,
    harmless,
    hypervisor_kind,
    image_format,
    key_of,
)
from stowage_client.importing.records import CACHE, Copy, Store, Thing, World

REASONS: Mapping[str, str] = {
    "not_backed_up": "the snapshot was never backed up whole",
    "not_uploaded": "its owner never finished the upload",
    "inactive": "it was deleted",
    "direct_download": "hosts fetch it themselves: register it by its URL",
    "owner_unknown": "its account is not in the database",
    "format": "Stowage has no word for its format",
    "zone_gone": "its zones were removed",
    "on_pool": "the volume itself is on a pool; what is on the store was made for a download",
    "nowhere": "no record tells where it is",
    "not_placed": "it was never brought to a store",
    "primary": "it is on a primary pool only",
    "destroyed": "it was deleted from the store",
    "not_ready": "it was never stored whole",
    "download_error": "its download failed",
    "no_path": "the record names no object: its bytes may be in a cache store",
    "store_unknown": "its store is not in the database",
    "store_gone": "its store was removed",
    "store_left_out": "its store is not taken over",
    "cached": "a cache's duplicate of what an image store holds",
}
"""Why something is not taken, by code."""
_KEPT = ("Ready", "Copying", "Migrating")
_GOING = ("Destroyed", "Destroying", "Failed", "Hidden")
_BAD_DOWNLOADS = ("DOWNLOAD_ERROR", "ABANDONED", "LIMIT_REACHED", "UPLOAD_ERROR", "UNKNOWN")
_UPLOADING = ("NotUploaded", "UploadInProgress", "UploadError", "UploadAbandoned")
_ON_STORE = ("Uploaded", "UploadOp", "Copying", "Creating")
_BACKED_UP = ("BackedUp", "Copying")
_WORST = (
    "store_left_out",
    "store_gone",
    "store_unknown",
    "download_error",
    "not_ready",
    "no_path",
    "destroyed",
    "primary",
    "not_placed",
)
"""Which of several copies' reasons is an object's: the one an operator can do most about."""


@dataclass(frozen=True)
class Choice:
    """One object: what to ask for, or why not."""

    thing: Thing
    body: Mapping[str, Any] | None = None
    stores: tuple[str, ...] = ()
    """Keys of the stores it is taken from."""
    code: str = ""
    left: tuple[tuple[str, str], ...] = ()
    """Copies that are not taken: their store's name and why."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chooser:
    """The rules, for one cloud and one operator's wishes."""

    world: World
    usable: Mapping[str, str]
    """Ids of the stores that are taken over, by their keys."""
    sizes: bool = True
    """Hold objects to their recorded lengths."""
    checksums: bool = True
    tags: tuple[str, ...] = ()

    def choose(self, thing: Thing) -> Choice:
        """Total: whatever the record says, there is an answer."""
        code = self._refusal(thing)
        if code:
            return Choice(thing, code=code)
        good, left = self._sorted(thing)
        told = tuple((self._shown(copy), why) for copy, why in left)
        if not good:
            return Choice(thing, code=_worst(why for _, why in left), left=told)
        format = image_format(thing.format or good[0].format, thing.hypervisor, good[0].path)
        if format is None:
            return Choice(thing, code="format", left=told)
        body = self._body(thing, good, format)
        stores = tuple(copy.store for copy in good)
        return Choice(thing, body, stores, left=told, notes=_notes(thing))

    def _refusal(self, thing: Thing) -> str:
        """Why it is nobody's, whatever is on the stores."""
        if code := _state_refusal(thing):
            return code
        if thing.account not in self.world.accounts:
            return "owner_unknown"
        gone = thing.zones and not thing.everywhere and not self._zones(thing)
        return "zone_gone" if gone else ""

    def _zones(self, thing: Thing) -> tuple[str, ...]:
        found = (self.world.zones.get(number) for number in thing.zones)
        return tuple(zone.id for zone in found if zone and not zone.removed)

    def _sorted(self, thing: Thing) -> tuple[list[Copy], list[tuple[Copy, str]]]:
        """Copies to take, one on each store, and the others with their reasons."""
        good: dict[str, Copy] = {}
        left = []
        for copy in thing.copies:
            code = self._copy_refusal(thing, copy) or ("cached" if copy.store in good else "")
            if code:
                left.append((copy, code))
            else:
                good[copy.store] = copy
        caches = [one for one in good.values() if self._store(one).role == CACHE]
        if len(caches) < len(good):  # an image store has it: what a cache has too comes and goes
            left += [(one, "cached") for one in caches]
            return [one for one in good.values() if one not in caches], left
        return list(good.values()), left

    def _store(self, copy: Copy) -> Store:
        return self.world.stores[copy.store]

    def _copy_refusal(self, thing: Thing, copy: Copy) -> str:
        if code := _copy_state(thing, copy):
            return code
        store = self.world.stores.get(copy.store)
        if store is None:
            return "store_unknown"
        if store.removed:
            return "store_gone"
        if not copy.path:
            return "no_path"
        return "" if copy.store in self.usable else "store_left_out"

    def _shown(self, copy: Copy) -> str:
        store = self.world.stores.get(copy.store)
        return store.name if store else copy.store

    def _body(self, thing: Thing, good: list[Copy], format: ImageFormat) -> dict[str, Any]:
        owner = self.world.accounts[thing.account]
        iso = thing.noun == "template" and format is ImageFormat.ISO
        told = {
            **{name: value for name, value in thing.attributes.items() if value is not None},
            "account": owner.name,
            "domain": owner.domain,
            **({"url": url} if (url := harmless(thing.url)) else {}),
        }
        declared = checksum(thing.checksum, thing.url) if self.checksums else None
        image = hypervisor_kind(thing.hypervisor) if thing.noun == "template" else None
        body = {
            "kind": "iso" if iso else thing.noun,
            "id": thing.id,
            "account_id": owner.id,
            "name": thing.name.strip()[:255] or thing.id,
            "format": format.value,
            "zones": [] if thing.everywhere else list(self._zones(thing)),
            "hypervisor": image.value if image else None,
            "checksum": declared,
            "template_id": thing.template_id,
            "volume_id": thing.volume_id,
            "parent_id": thing.parent_id if _stands_on_parent(thing) else None,
            "tags": list(self.tags),
            "created": thing.created.isoformat(),
            "places": [self._place(thing, copy) for copy in good],
            "description": {
                "public": thing.public,
                "featured": thing.featured,
                "extractable": thing.extractable,
                "attributes": told,
                "shared_with": list(thing.shared_with),
            },
        }
        return {name: value for name, value in body.items() if value is not None}

    def _place(self, thing: Thing, copy: Copy) -> dict[str, Any]:
        store = self._store(copy)
        number = thing.volume or 0 if thing.noun == "snapshot" else thing.number
        key = key_of(copy.path, store.provider, (thing.noun, number))
        size = {"size": copy.size} if self.sizes and copy.size else {}
        return {"store_id": self.usable[copy.store], "key": key, **size}


def _state_refusal(thing: Thing) -> str:
    if thing.state in _UPLOADING:
        return "not_uploaded"
    if thing.noun == "template" and thing.state == "Inactive":
        return "inactive"
    if thing.noun == "template" and thing.direct:
        return "direct_download"
    if thing.noun == "snapshot" and thing.state not in _BACKED_UP:
        return "not_backed_up"
    return "" if thing.copies else "nowhere"


def _copy_state(thing: Thing, copy: Copy) -> str:
    if copy.primary:
        return "primary"
    if copy.destroyed or copy.state in _GOING:
        return "destroyed"
    if not copy.store:
        return "not_placed"
    if thing.noun == "volume" and (copy.extracted or thing.state not in _ON_STORE):
        return "on_pool"
    if copy.download in _BAD_DOWNLOADS:
        return "download_error"
    return "" if copy.state in _KEPT else "not_ready"


def _worst(codes: Iterable[str]) -> str:
    found = set(codes)
    return next((code for code in _WORST if code in found), next(iter(sorted(found)), "nowhere"))


def _stands_on_parent(thing: Thing) -> bool:
    """Only XenServer's backups are differences; the others name the one before and are whole."""
    return thing.hypervisor.upper() == "XENSERVER"


def _notes(thing: Thing) -> tuple[str, ...]:
    notes = []
    if thing.parent_id and _stands_on_parent(thing):
        notes.append("delta")
    if thing.noun == "template" and hypervisor_kind(thing.hypervisor) == "None":
        notes.append("any_hypervisor")
    return tuple(notes)
