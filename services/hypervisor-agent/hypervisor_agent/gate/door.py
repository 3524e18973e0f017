"""The judgement: detect, compare with what was declared, then ask the format's own rules."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from stowage_contracts.values import ImageFormat, Verdict

from hypervisor_agent.gate import iso, ova, qcow2, vdi, vhd, vhdx, vmdk
from hypervisor_agent.gate.archives import Limits
from hypervisor_agent.gate.archives.reader import Unpacked
from hypervisor_agent.gate.detect import ARCHIVES, COMPRESSIONS, DOCUMENTS, PARTITIONED, detect
from hypervisor_agent.gate.sizes import check_virtual_size, whole_sectors
from hypervisor_agent.gate.terms import GATE_VERSION, Expectation, Option, RangedReader, Refused
from hypervisor_agent.gate.window import Window

_NAMES = {form.value: form for form in ImageFormat}


@dataclass
class _Seen:
    """What is known of an image when a rule says no."""

    format: ImageFormat | None = None
    compression: str = ""
    inner_size: int | None = None


async def inspect(image: RangedReader, expected: Expectation) -> Verdict:
    """Judge an image by bounded reads; whatever the reader raises passes through."""
    seen, size, code, reason = _Seen(), 0, "", ""
    try:
        size = await _judge(image, expected, seen)
    except Refused as no:
        code, reason, seen.format = no.code, no.reason, no.format or seen.format
    return Verdict(
        accepted=not code,
        format=seen.format,
        virtual_size=size,
        compression=seen.compression,
        inner_size=seen.inner_size,
        code=code,
        reason=reason,
        gate_version=GATE_VERSION,
    )


async def _judge(image: RangedReader, expected: Expectation, seen: _Seen) -> int:
    window = Window(image)
    head, tail = await window.ends()
    found = detect(head, tail)
    if len(found) == 1 and found <= COMPRESSIONS:
        return await _judge_within(image, next(iter(found)), expected, seen)
    if found == {"tar"} and expected.declared is ImageFormat.OVA:
        found = frozenset({ImageFormat.OVA.value})
    seen.format = _format(found, head, expected.declared)
    if seen.compression and seen.format is ImageFormat.OVA:
        raise Refused("archive", "it is an archive within a compressed stream")
    return await _JUDGES[seen.format](window, head, expected)


async def _judge_within(image: RangedReader, kind: str, expected: Expectation, seen: _Seen) -> int:
    if seen.compression:
        raise Refused("compressed", f"it is a {kind} stream within another")
    seen.compression = kind
    if Option.COMPRESSED not in expected.allowed:
        raise Refused("compressed", f"it is a {kind} stream; unpack it before it is offered")
    largest = expected.max_virtual_size
    limits = Limits(max_bytes=largest + largest // 8 + _OVERHEAD, ratio=expected.unpack_ratio)
    inner = Unpacked(image, kind, limits)
    await inner.measure()
    seen.inner_size = inner.size
    return await _judge(inner, expected, seen)


def _format(found: frozenset[str], head: bytes, declared: ImageFormat) -> ImageFormat:
    """The one format the content has, if that is the declared one and we judge it."""
    kinds = found - {PARTITIONED}
    if len(kinds) > 1 or (found != kinds and kinds and not _may_be_partitioned(kinds, head)):
        raise Refused("polyglot", f"it is {' and '.join(sorted(found))} at once")
    name = next(iter(kinds), ImageFormat.RAW.value)
    form = _NAMES.get(name)
    if name in DOCUMENTS:
        raise Refused("document", f"it is an {name} document, not a disk")
    if name in ARCHIVES:
        raise Refused("archive", f"it is a {name} archive; unpack it before it is offered")
    if form is not declared:
        raise Refused("format_mismatch", f"declared {declared.value}, found {name}", form)
    if form not in _JUDGES:
        raise Refused("unsupported_format", f"{name} images are not taken", form)
    return form


def _may_be_partitioned(kinds: frozenset[str], head: bytes) -> bool:
    """ISOs boot from USB sticks too; a fixed VHD is a raw disk with something after it."""
    return kinds == {"iso"} or (kinds == {"vhd"} and not head.startswith(vhd.COOKIE))


async def _judge_raw(window: Window, head: bytes, expected: Expectation) -> int:
    return check_virtual_size(whole_sectors(window.size), window.size, expected)


_OVERHEAD = 64 * 1024 * 1024
"""Bytes of headers and tables a compressed image may have beside its data."""
_JUDGES: Mapping[ImageFormat, Callable[[Window, bytes, Expectation], Awaitable[int]]] = {
    ImageFormat.RAW: _judge_raw,
    ImageFormat.QCOW2: qcow2.judge,
    ImageFormat.ISO: iso.judge,
    ImageFormat.VMDK: vmdk.judge,
    ImageFormat.OVA: ova.judge,
    ImageFormat.VHD: vhd.judge,
    ImageFormat.VHDX: vhdx.judge,
    ImageFormat.VDI: vdi.judge,
}
JUDGED = tuple(_JUDGES)
"""The formats this gate accepts when they are honest."""
