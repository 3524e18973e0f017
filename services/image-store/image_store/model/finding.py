"""Which object is meant by a name that another cloud recorded without its end."""

from collections.abc import Iterable

from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.values import ImageFormat

MOST_NAMES = 1000
"""Looked at below one name; where there are more, it names no single image."""
_ENDS: dict[ImageFormat, tuple[str, ...]] = {
    ImageFormat.QCOW2: (".qcow2", ".qcow", ".img"),
    ImageFormat.RAW: (".raw", ".img"),
    ImageFormat.VHD: (".vhd",),
    ImageFormat.VHDX: (".vhdx",),
    ImageFormat.VMDK: (".vmdk",),
    ImageFormat.OVA: (".ova",),
    ImageFormat.ISO: (".iso",),
}
_DESCRIBES = (".properties", ".ovf", ".mf", ".xml", ".meta")
"""Ends of what lies beside images and tells of them."""


def meant_by(key: str, names: Iterable[str], format: ImageFormat) -> str:
    """The one image of ``names`` that is ``key`` with an end, or a file in the folder ``key``.

    Raises NotFound, or Conflict (``ambiguous``) where several could be meant.
    """
    near = [name for name in names if name.startswith((f"{key}.", f"{key}/"))]
    images = [name for name in near if not name.endswith(_DESCRIBES)]
    typed = [name for name in images if name.lower().endswith(_ENDS.get(format, (f".{format}",)))]
    found = typed or images
    if not found:
        raise NotFound("nothing is there", resource=key, code="object")
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} images could be meant, among them {found[0]!r}",
            resource=key,
            code="ambiguous",
            hint="register the right one by its whole name",
        )
    return found[0]
