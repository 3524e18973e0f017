"""Which names of members an archive may carry; none of them is ever used as a path."""

import re

from hypervisor_agent.gate.terms import Refused

_DRIVE = re.compile(r"\A[A-Za-z]:")
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
LONGEST = 255


def check_path(name: str) -> str:
    """The name, if it is a relative path that never leaves its folder."""
    parts = name.split("/")
    odd = _ODD.search(name) or _DRIVE.match(name) or len(name) > LONGEST
    if odd or not parts[-1] or ".." in parts or "" in parts:
        raise Refused("archive_path", f"a member is named {name[:80]!a}")
    return name


def check_base_name(name: str) -> str:
    """The name without a leading ``./``, if it names a file beside the others."""
    plain = check_path(name.removeprefix("./"))
    if "/" in plain or plain == ".":
        raise Refused("archive_path", f"a member is named {name[:80]!a}")
    return plain
