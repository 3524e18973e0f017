"""What CloudStack has against what the catalogue has; pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from stowage_contracts.values import Digest, HypervisorKind, ImageFormat, ObjectKind, ObjectRef

from api_gateway.cloudstack.describing import Change, Description
from api_gateway.mirror.facts import Image, Thing
from api_gateway.mirror.rules import Action
from api_gateway.mirror.steps import (
    Bring,
    Delete,
    Describe,
    Leave,
    Outcome,
    Register,
    Rename,
    Spread,
    Step,
)
from api_gateway.routes.objects.bodies import FOREIGN, NewTemplate, scheme_of

FORMATS = {
    each: ImageFormat(each.lower())
    for each in ("QCOW2", "RAW", "VHD", "VHDX", "VMDK", "VDI", "OVA", "ISO")
}
OWN = ("SYSTEM", "ROUTING", "PERHOST")
"""Template types that are CloudStack's own affair."""
_CHECKSUM = re.compile(r"(?:\{(?P<name>[A-Za-z0-9-]+)\})?(?P<hex>[0-9a-fA-F]{32,128})")
_BY_LENGTH = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HYPERVISORS = {kind.value.lower(): kind for kind in HypervisorKind}
_DIGEST = TypeAdapter[str](Digest)
NOTHING_TOLD = Description()
Decision = tuple[Outcome, tuple[Step, ...]]


@dataclass(frozen=True)
class Known:
    """What the catalogue knows of an entity; a state without id is of one it never had."""

    state: Mapping[str, Any]
    removed: bool = False
    description: Description = NOTHING_TOLD
    """What is told of it beside its bytes."""

    @property
    def lives(self) -> bool:
        """Whether it is there."""
        return "id" in self.state and not self.removed

    @property
    def object(self) -> ObjectRef:
        """The object it is."""
        return ObjectRef(kind=ObjectKind(self.state["kind"]), id=self.state["id"])


UNKNOWN = Known({})


@dataclass(frozen=True)
class Scene:
    """What a decision about one entity needs besides the entity."""

    known: Known = UNKNOWN
    zones: Collection[str] = ()
    """Zones of the catalogue."""
    action: Action = Action.MIRROR
    deleted: bool = False
    """An event told that it went away."""


def gone(noun: str, id: str, scene: Scene) -> Decision:
    """Of an entity that CloudStack does not have; only a word of its end deletes it here."""
    if not scene.deleted:
        why = "CloudStack does not know it, and no event told of its end: it stays here"
        return Outcome(word="missing", why=why), ()
    if scene.known.lives:
        return Outcome(word="deleted"), (Delete(noun, id),)
    return Outcome(word="gone"), ()


def compare_image(image: Image, scene: Scene) -> Decision:
    """Of a template or ISO."""
    known, id = scene.known, image.row.id
    if image.removed:
        return gone("template", id, Scene(known, deleted=True))
    if known.removed:
        return Outcome(word="removed_here", why="it was deleted here; ids are used once"), ()
    if known.lives:
        return _refreshed(image, scene)
    return _registered(image, scene)


def compare_thing(noun: str, thing: Thing, scene: Scene) -> Decision:
    """Of a volume or snapshot: CloudStack gives no way to its bytes, so only what is on our
    stores already is changed."""
    if thing.removed:
        return gone(noun, thing.row.id, Scene(scene.known, deleted=True))
    if not scene.known.lives:
        return Outcome(word="noted", why="its bytes are on none of our stores"), ()
    renamed = _renamed(thing.row.name, scene.known)
    return Outcome(word="changed" if renamed else "known"), renamed


def _registered(image: Image, scene: Scene) -> Decision:
    row = image.row
    reason = _unfit(image)
    if reason:
        return Outcome(word="unfit", why=reason), ()
    if not image.ready:
        why = f"CloudStack has not downloaded it: {row.status or 'no status'}"
        return Outcome(word="waiting", why=why), ()
    strange = [] if image.everywhere else [zone for zone in image.zones if zone not in scene.zones]
    if strange:
        why = f"zone {strange[0]} is not in the catalogue yet"
        return Outcome(word="waiting", why=why, patience=True), ()
    body = _body(image)
    if body is None:
        return Outcome(word="unfit", why="its URL is none that is fetched (http, https)"), ()
    others = () if image.everywhere else image.zones[1:]
    object = ObjectRef(kind=ObjectKind.ISO if image.iso else ObjectKind.TEMPLATE, id=row.id)
    spread = [Spread(object, zone) for zone in others]
    wants = scene.action is Action.PREFETCH
    why = "it is brought onto caches once it is ready here" if wants else ""
    return Outcome(word="registered", why=why, patience=wants), (
        Register(body, image.account_id, row.account, image.description),
        *spread,
    )


def _refreshed(image: Image, scene: Scene) -> Decision:
    steps: list[Step] = [*_renamed(image.row.name, scene.known), *_described(image, scene.known)]
    state = scene.known.state
    if not image.everywhere and state["scope"]["type"] != "region":
        steps += _moved(image, scene)
    if scene.action is not Action.PREFETCH:
        return Outcome(word="changed" if steps else "known"), tuple(steps)
    if not state.get("ready"):
        why = "it is brought onto caches once it is ready here"
        return Outcome(word="waiting", why=why, patience=True), tuple(steps)
    zones = scene.zones if image.everywhere else [z for z in image.zones if z in scene.zones]
    steps += [Bring("template", image.row.id, zone) for zone in sorted(zones)]
    return Outcome(word="prefetched"), tuple(steps)


def _described(image: Image, known: Known) -> tuple[Step, ...]:
    """What is told of it anew."""
    here, there = known.description, image.description
    flags = {
        name: getattr(there, name)
        for name in ("public", "featured", "extractable")
        if getattr(there, name) != getattr(here, name)
    }
    told = {n: v for n, v in there.attributes.items() if here.attributes.get(n) != v}
    if not flags and not told:
        return ()
    owner = known.state.get("account_id", image.account_id)
    return (Describe(image.row.id, owner, Change(**flags, attributes=told)),)


def _moved(image: Image, scene: Scene) -> list[Step]:
    """Zones that came, and those an end was told of."""
    state, known = scene.known.state, scene.known.object
    there = {zone["zone_id"] for zone in state.get("zones", ())}
    wished = there | {state["scope"].get("id")}
    came = [each for each in image.zones if each not in wished and each in scene.zones]
    left = there - set(image.zones) if scene.deleted else there & set(image.left)
    return [*(Spread(known, zone) for zone in came), *(Leave(known, zone) for zone in sorted(left))]


def _unfit(image: Image) -> str:
    """Why it cannot be kept here; empty when it can."""
    row = image.row
    if row.templatetype in OWN:
        return f"a {row.templatetype} template is CloudStack's own"
    if row.format not in FORMATS:
        return f"format {row.format or 'unknown'} is not kept here"
    if not image.iso and row.hypervisor.lower() not in _HYPERVISORS:
        return f"hypervisor {row.hypervisor or 'unknown'} is not served"
    if row.url is None or not row.url.get_secret_value():
        return "it was made in CloudStack: there is no URL to fetch it from"
    return ""


def _body(image: Image) -> NewTemplate | None:
    row = image.row
    if row.url is None or scheme_of(row.url) not in FOREIGN:
        return None
    told: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "format": FORMATS[row.format],
        "zone_id": None if image.everywhere else image.zones[0],
        "checksum": digest_of(row.checksum),
    }
    served = HypervisorKind.NONE if image.iso else _HYPERVISORS[row.hypervisor.lower()]
    told["hypervisor"] = served
    try:
        return NewTemplate.model_validate(told)
    except ValidationError:
        return None


def digest_of(checksum: str) -> str | None:
    """CloudStack's ``{SHA-256}hex``, or bare hex; None for what is no checksum of ours."""
    match = _CHECKSUM.fullmatch(checksum)
    if match is None:
        return None
    name = match["name"] or _BY_LENGTH.get(len(match["hex"]), "")
    try:
        return _DIGEST.validate_python(f"{name.lower().replace('-', '')}:{match['hex'].lower()}")
    except ValidationError:
        return None


def _renamed(name: str, known: Known) -> tuple[Step, ...]:
    return () if known.state["name"] == name else (Rename(known.object, name),)
