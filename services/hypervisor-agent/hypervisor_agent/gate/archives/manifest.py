"""An OVA's manifest: digests of its members, every one of which must agree."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from hypervisor_agent.gate.archives.tar import Member
from hypervisor_agent.gate.terms import RangedReader, Refused

MAX_MANIFEST = 256 * 1024
CHUNK = 1024 * 1024
_LINE = re.compile(r"\A(SHA1|SHA256|SHA384|SHA512) ?\(([^()]+)\) ?= ?([0-9a-fA-F]{40,128})\Z")
Digests = Mapping[str, tuple[str, str]]
"""Algorithm and hexadecimal digest by member name."""


def parse(data: bytes) -> Digests:
    """Read a manifest; refuses a line that is no digest, and a name that has two."""
    found: dict[str, tuple[str, str]] = {}
    for line in filter(None, map(str.strip, data.decode("utf-8", "replace").splitlines())):
        parts = _LINE.match(line)
        if parts is None or parts[2] in found:
            raise Refused("manifest", f"its manifest has the line {line[:80]!a}")
        found[parts[2]] = (parts[1].lower(), parts[3].lower())
    return found


def check_names(digests: Digests, members: Iterable[str], needed: Iterable[str]) -> None:
    """Refuse a manifest that names what is not there, or leaves out what is needed."""
    strange = sorted(set(digests) - set(members))
    missing = sorted(set(needed) - set(digests))
    if strange or missing:
        text = f"its manifest names {strange[:1]!a} too many and lacks {missing[:1]!a}"
        raise Refused("manifest", text)


async def check(image: RangedReader, member: Member, told: tuple[str, str]) -> None:
    """Read a member whole and compare its digest."""
    algorithm, digest = told
    sums = hashlib.new(algorithm, usedforsecurity=False)
    for at in range(member.start, member.start + member.size, CHUNK):
        sums.update(await image.read(at, min(CHUNK, member.start + member.size - at)))
    if sums.hexdigest() != digest:
        raise Refused("manifest", f"the {algorithm} of {member.name!a} is not the manifest's")
