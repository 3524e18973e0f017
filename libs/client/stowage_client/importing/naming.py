"""CloudStack's words for formats, hypervisors, checksums and names, in Stowage's."""

import re
from urllib.parse import urlsplit

from stowage_contracts.values import LINEAR_ALGORITHMS, HypervisorKind, ImageFormat

_FORMATS = {
    "QCOW2": ImageFormat.QCOW2,
    "RAW": ImageFormat.RAW,
    "VHD": ImageFormat.VHD,
    "VHDX": ImageFormat.VHDX,
    "VMDK": ImageFormat.VMDK,
    "VDI": ImageFormat.VDI,
    "OVA": ImageFormat.OVA,
    "ISO": ImageFormat.ISO,
}
_OWN_FORMAT = {
    "KVM": ImageFormat.QCOW2,
    "LXC": ImageFormat.QCOW2,
    "XENSERVER": ImageFormat.VHD,
    "HYPERV": ImageFormat.VHDX,
    "VMWARE": ImageFormat.VMDK,
}
"""What each hypervisor writes where no format was recorded."""
_HYPERVISORS = {
    "KVM": HypervisorKind.KVM,
    "XENSERVER": HypervisorKind.XENSERVER,
    "VMWARE": HypervisorKind.VMWARE,
}
_CHECKSUM = re.compile(r"\{([A-Za-z0-9-]+)\}([0-9A-Fa-f]+)")
_BY_LENGTH = {length: name for name, length in LINEAR_ALGORITHMS.items()}
_PACKED = (".gz", ".bz2", ".zip", ".xz", ".tgz")
_CONTAINERS = {"template": "T", "snapshot": "S", "volume": "V"}
_ENDS = {"img": ImageFormat.RAW, **{format.value: format for format in ImageFormat}}


def image_format(recorded: str, hypervisor: str, path: str) -> ImageFormat | None:
    """What was recorded, else what the file's name says, else what the hypervisor writes."""
    if recorded:
        return _FORMATS.get(recorded.upper())
    end = path.rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""
    return _ENDS.get(end) or _OWN_FORMAT.get(hypervisor.upper())


def hypervisor_kind(recorded: str) -> HypervisorKind:
    """None for those that no agent runs, and for what runs anywhere."""
    return _HYPERVISORS.get(recorded.upper(), HypervisorKind.NONE)


def checksum(recorded: str, url: str) -> str | None:
    """Of the bytes as stored; None where it is of what was unpacked before, or no digest at all."""
    if url and urlsplit(url).path.lower().endswith(_PACKED):
        return None
    told = _CHECKSUM.fullmatch(recorded.strip())
    digits = (told[2] if told else recorded.strip()).lower()
    name = told[1].lower().replace("-", "") if told else _BY_LENGTH.get(len(digits), "")
    whole = LINEAR_ALGORITHMS.get(name) == len(digits)
    return f"{name}:{digits}" if whole and re.fullmatch("[0-9a-f]+", digits) else None


def key_of(path: str, provider: str, of: tuple[str, int]) -> str:
    """The key a recorded path is on a store; ``of`` is the noun and number its container has."""
    plain = path.strip().strip("/")
    if provider.lower() != "swift" or not plain:
        return plain
    container = f"{_CONTAINERS[of[0]]}-{of[1]}"
    if plain == container or plain.startswith(f"{container}/"):
        return plain
    return f"{container}/{plain.rpartition('/')[2]}"


def harmless(url: str) -> str:
    """A URL that may be shown to everybody; empty where it may carry a secret."""
    at = urlsplit(url)
    return "" if at.username or at.password or at.query else url
