"""Which manifests may be believed enough to read the object they stand beside."""

from stowage_contracts.catalogue import Manifest
from stowage_contracts.values import ImageFormat, ObjectKind, ScopeType

from image_store.model.paths import install_path

_LARGEST = (1 << 63) - 1
_MOST_COPIES, _MOST_TAGS = 1000, 1000
_SCOPES = frozenset({ScopeType.ZONE, ScopeType.REGION})


def believable(manifest: Manifest, key: str) -> bool:
    """Whether it names the object whose key that is, in words and numbers a catalogue can keep.

    A manifest beside any other key was put there by somebody else.
    """
    what = manifest.object
    return (
        key == install_path(what.kind, manifest.account_id, what.id, manifest.format)
        and manifest.scope.type in _SCOPES
        and _fits(manifest)
        and _countable(manifest)
        and not any("\0" in word for word in (manifest.name, *manifest.tags))
    )


def _fits(manifest: Manifest) -> bool:
    """Whether what it says of its kind can be so."""
    kind = manifest.object.kind
    image = kind in {ObjectKind.TEMPLATE, ObjectKind.ISO}
    return (
        (kind is ObjectKind.ISO) == (image and manifest.format is ImageFormat.ISO)
        and not (image and manifest.hypervisor is None)
        and manifest.parent_id != manifest.object.id
    )


def _countable(manifest: Manifest) -> bool:
    low, high = manifest.min_copies, manifest.max_copies
    return (
        1970 <= manifest.created.year < 9999
        and manifest.size <= _LARGEST
        and (manifest.virtual_size or 0) <= _LARGEST
        and 1 <= low <= _MOST_COPIES
        and (high is None or low <= high <= _MOST_COPIES)
        and len(manifest.tags) <= _MOST_TAGS
    )
