"""What image-store asks its database for every object it handles, with arguments to ask it with."""

from __future__ import annotations

from typing import Any

_T, _R = ("template", "t5"), ("rt5",)
_OBJECT: dict[str, Any] = {
    "noun": "template",
    "id": "new",
    "kind": "template",
    "account_id": "a1",
    "name": "new",
    "format": "qcow2",
    "scope_type": "zone",
    "zones": ["z1"],
    "origin": "url",
    "sealed_url": "",
    "url_scheme": "",
    "tags": [],
    "min_copies": 1,
    "wanted_stores": [],
}
REPLICA: dict[str, Any] = {
    "id": "new",
    "noun": "template",
    "kind": "template",
    "object_id": "new",
    "account_id": "a1",
    "store_id": "s1",
    "role": "Image",
    "install_path": "template/a1/new",
    "format": "qcow2",
    "in_place": False,
}
REGISTERING: dict[str, tuple[Any, ...]] = {
    "id_taken": ("t5", "volume"),
    "add_object": (_OBJECT,),
    "lock_image_stores": (),
    "stores_to_weigh": (),
    "placement_rules": (),
    "add_ref": (REPLICA,),
    "add_grant": ({"id": "new", "writes": True, "purpose": "copy"},),
    "asked": ("c1", "rt5", {}),
    "replicas_of": _T,
    "zones_of_stores": _T,
}
GRANTING: dict[str, tuple[Any, ...]] = {
    "lock_ref_of_grant": ("g6",),
    "grant": ("g6",),
    "read_ref": _R,
    "store": ("s1",),
    "lock_store": ("s1",),
    "reserve": ("rt5", 1),
    "grant_redeemed": ("g6", 1, "w", ""),
    "grant_session": ("g6", "w", "u"),
    "grant_state": ("g6", "ended"),
    "write_grant_of": _R,
    "readers_of": _R,
    "move_link": ("g6", "rt5"),
    "upload_alive": ("g6", None, "w"),
    "uploads_abandoned": (),
    "ref_of_upload": _T,
}
COMMITTING: dict[str, tuple[Any, ...]] = {
    "object": _T,
    "lock_object_of": _R,
    "ref": _R,
    "ref_on": (*_T, "s1"),
    "ref_of_write": ("g6",),
    "move_ref": ("rt5", "Creating", 0, "Ready"),
    "ref_known": ("rt5", 1, "d", 0),
    "ref_ready": ("rt5", "Creating", 0, "Ready", True),
    "object_known": (*_T, 1, 1, "d"),
    "answered": _R,
    "askers_of": _R,
    "unasked": ("rt5", "c5"),
    "verdict": ("sha256-tree-4m:5", "qcow2"),
    "inspection": ("i5",),
    "inspection_of_ref": _R,
    "inspections_due": (),
    "ref_failed": ("rt5", {}),
    "drop_ref": _R,
    "drop_object": _T,
}
KEEPING: dict[str, tuple[Any, ...]] = {
    "objects_due": (),
    "object_due": (*_T, 1.0),
    "object_again": (*_T, 1.0),
    "object_failed": (*_T, {}),
    "refs_of": _T,
    "stores_of": _T,
    "zones_with_stores": ([],),
    "stores_wanted": (["s1"],),
    "unanswered": (60.0,),
    "children_of": ("s5",),
}
SCRUBBING: dict[str, tuple[Any, ...]] = {
    "replicas_to_verify": (2_500_000.0, 4),
    "ref_verified": _R,
    "verified_later": _R,
}
INVENTORY: dict[str, tuple[Any, ...]] = {
    "keys_known": ("s1", [f"template/a{n}/t{n}" for n in range(1, 99)]),
    "refs_between": ("s1", "template/a1", "template/a11", [], 1000),
    "keys_going": ("s1", [f"template/a{n}/t{n}" for n in range(1, 99)]),
    "writers_at": ("s1", [f"template/a{n}/t{n}" for n in range(1, 99)]),
    "findings_after": ("s1", "f5", 100),
    "finding": ("s1", "f5"),
    "drop_finding": ("f5",),
    "drop_finding_at": ("s1", "missing", "key5"),
    "some_ready_on": ("s1",),
}
EVACUATING: dict[str, tuple[Any, ...]] = {
    "planned_on_store": ("s1",),
    "uploads_on_store": ("s1",),
    "parents_released": (),
}
HOT = REGISTERING | GRANTING | COMMITTING | KEEPING | SCRUBBING | INVENTORY | EVACUATING
