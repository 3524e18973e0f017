"""What other commands name by id though it moves no bytes: kinds of guests, one disk offering."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import NAMESPACE_URL, uuid5

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""When all of it was created: with the first release."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "CentOS": ("CentOS 7", "CentOS 8", "CentOS Stream 9"),
    "Debian": (
        "Debian GNU/Linux 10 (64-bit)",
        "Debian GNU/Linux 11 (64-bit)",
        "Debian GNU/Linux 12 (64-bit)",
        "Debian GNU/Linux 13 (64-bit)",
    ),
    "Oracle": ("Oracle Linux 8", "Oracle Linux 9"),
    "RedHat": (
        "Red Hat Enterprise Linux 7",
        "Red Hat Enterprise Linux 8",
        "Red Hat Enterprise Linux 9",
        "Rocky Linux 8",
        "Rocky Linux 9",
        "AlmaLinux 8",
        "AlmaLinux 9",
    ),
    "SUSE": (
        "SUSE Linux Enterprise Server 12 (64-bit)",
        "SUSE Linux Enterprise Server 15 (64-bit)",
        "openSUSE Leap 15",
    ),
    "Ubuntu": ("Ubuntu 18.04 LTS", "Ubuntu 20.04 LTS", "Ubuntu 22.04 LTS", "Ubuntu 24.04 LTS"),
    "Windows": (
        "Windows 10 (64-bit)",
        "Windows 11 (64-bit)",
        "Windows Server 2016 (64-bit)",
        "Windows Server 2019 (64-bit)",
        "Windows Server 2022 (64-bit)",
        "Windows Server 2025 (64-bit)",
    ),
    "Unix": ("FreeBSD 13 (64-bit)", "FreeBSD 14 (64-bit)"),
    "Other": ("Other (32-bit)", "Other (64-bit)", "Other Linux (32-bit)", "Other Linux (64-bit)"),
    "None": ("None",),
}


def _id(what: str) -> str:
    """The same in every installation."""
    return str(uuid5(NAMESPACE_URL, f"stowage:{what}"))


OS_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {_id(f"oscategory/{name}"): name for name in _NAMES}
)
"""Names by id."""
OS_TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        _id(f"ostype/{name}"): (name, _id(f"oscategory/{category}"))
        for category, names in _NAMES.items()
        for name in names
    }
)
"""Name and category's id, by id; ids of other clouds may be told, too, and mean what they like."""
ANY_OS = _id("ostype/Other (64-bit)")
"""What an object is for of which nothing was said."""
CUSTOM_DISK = _id("diskoffering/Custom")
"""The one disk offering: of any size."""
