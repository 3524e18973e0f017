"""OVA rules: a flat archive of an envelope, its manifest, and disks that pass the gate alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from stowage_contracts.values import ImageFormat

from hypervisor_agent.gate import vmdk
from hypervisor_agent.gate.archives import manifest, ovf, tar
from hypervisor_agent.gate.archives.tar import Member
from hypervisor_agent.gate.detect import detect
from hypervisor_agent.gate.sizes import check_virtual_size
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import Slice, Window

MAX_DISKS = 64


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual bytes of all disks together."""
    members = await tar.members(window)
    envelope = _only(members, ".ovf", most=1)
    if envelope is None:
        raise Refused("ovf", "its archive has no envelope")
    described = ovf.parse(await _text(window, envelope, ovf.MAX_ENVELOPE))
    disks = described.disk_members
    absent = [name for name in described.files.values() if name not in members]
    if absent or len(disks) > MAX_DISKS:
        raise Refused("ovf_href", f"of {len(disks)} disks, members lack {absent[:1]!a}")
    size = 0
    for name in disks:
        size += await _judge_disk(Window(_slice(window, members[name])), expected)
        check_virtual_size(size, window.size, expected)
    await _check_manifest(window, members, {envelope.name, *disks})
    return size


def _only(members: Mapping[str, Member], suffix: str, most: int) -> Member | None:
    found = [member for name, member in members.items() if name.lower().endswith(suffix)]
    if len(found) > most:
        raise Refused("ovf", f"its archive has {len(found)} members that end in {suffix}")
    return found[0] if found else None


async def _text(window: Window, member: Member, limit: int) -> bytes:
    if member.size > limit:
        raise Refused("ovf", f"{member.name!a} has {member.size} bytes")
    return await window.exactly(member.start, member.size, member.name)


def _slice(window: Window, member: Member) -> Slice:
    return Slice(window.image, member.start, member.size)


async def _judge_disk(disk: Window, expected: Expectation) -> int:
    head, tail = await disk.ends()
    found = await asyncio.to_thread(detect, head, tail)
    if found != {"vmdk"}:
        text = f"a disk of its archive is {' and '.join(sorted(found)) or 'plain bytes'}, not vmdk"
        raise Refused("ovf", text)
    return await vmdk.judge(disk, head, replace(expected, declared=ImageFormat.VMDK))


async def _check_manifest(window: Window, members: Mapping[str, Member], needed: set[str]) -> None:
    listed = _only(members, ".mf", most=1)
    if listed is None:
        return
    digests = manifest.parse(await _text(window, listed, manifest.MAX_MANIFEST))
    manifest.check_names(digests, members, needed)
    for name, told in digests.items():
        await manifest.check(window.image, members[name], told)
