"""The judgement: detect, compare with what was declared, then ask the format's own rules."""

from collections.abc import Awaitable, Callable

from stowage_contracts.values import ImageFormat, Verdict

from hypervisor_agent.gate import iso, qcow2
from hypervisor_agent.gate.detect import ARCHIVES, PARTITIONED, detect
from hypervisor_agent.gate.sizes import check_virtual_size, whole_sectors
from hypervisor_agent.gate.terms import GATE_VERSION, Expectation, RangedReader, Refused
from hypervisor_agent.gate.window import Window

_NAMES = {form.value: form for form in ImageFormat}
_HYBRID = {ImageFormat.ISO.value}
"""May carry a partition table: distributions ship ISOs that also boot from a USB stick."""


async def inspect(image: RangedReader, expected: Expectation) -> Verdict:
    """Judge an image by at most 8 MiB of reads; whatever the reader raises passes through."""
    form: ImageFormat | None = None
    try:
        window = Window(image)
        head, tail = await window.ends()
        form = _format(detect(head, tail), expected.declared)
        size = await _JUDGES[form](window, head, expected)
    except Refused as no:
        return Verdict(
            accepted=False,
            format=no.format or form,
            code=no.code,
            reason=no.reason,
            gate_version=GATE_VERSION,
        )
    return Verdict(accepted=True, format=form, virtual_size=size, gate_version=GATE_VERSION)


def _format(found: frozenset[str], declared: ImageFormat) -> ImageFormat:
    """The one format the content has, if that is the declared one and we judge it."""
    kinds = found - {PARTITIONED}
    if len(kinds) > 1 or (found != kinds and kinds - _HYBRID):
        raise Refused("polyglot", f"it is {' and '.join(sorted(found))} at once")
    name = next(iter(kinds), ImageFormat.RAW.value)
    form = _NAMES.get(name)
    if name in ARCHIVES:
        raise Refused("archive", f"it is a {name} archive; unpack it before it is offered")
    if form is not declared:
        raise Refused("format_mismatch", f"declared {declared.value}, found {name}", form)
    if form not in _JUDGES:
        raise Refused("unsupported_format", f"{name} images are not taken", form)
    return form


async def _judge_raw(window: Window, head: bytes, expected: Expectation) -> int:
    return check_virtual_size(whole_sectors(window.size), window.size, expected)


_JUDGES: dict[ImageFormat, Callable[[Window, bytes, Expectation], Awaitable[int]]] = {
    ImageFormat.RAW: _judge_raw,
    ImageFormat.QCOW2: qcow2.judge,
    ImageFormat.ISO: iso.judge,
}
