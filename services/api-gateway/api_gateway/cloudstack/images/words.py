"""CloudStack's words for formats, hypervisors and checksums, and its rules for URLs."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from stowage_contracts.errors import SourceRefused
from stowage_contracts.grants import FetchRules
from stowage_contracts.values import LINEAR_ALGORITHMS, HypervisorKind, ImageFormat
from stowage_runtime.fetch.addresses import check

from api_gateway.cloudstack.errors import PARAMETER, Refused

_EXTENSIONS = {
    ImageFormat.QCOW2: ("qcow2", "img"),
    ImageFormat.RAW: ("img", "raw"),
    ImageFormat.VHD: ("vhd",),
    ImageFormat.VHDX: ("vhdx",),
    ImageFormat.VMDK: ("vmdk",),
    ImageFormat.OVA: ("ova",),
    ImageFormat.ISO: ("iso",),
}
"""Formats CloudStack knows too, with the ends of names it takes for them."""
_PACKED = ("", ".zip", ".bz2", ".gz", ".xz")
_CHECKSUM = re.compile(r"(?:\{([A-Za-z0-9-]+)\}|([A-Za-z0-9-]+):)?([0-9a-fA-F]+)")
_BY_LENGTH = {length: name for name, length in LINEAR_ALGORITHMS.items()}
_DASHED = {name: name.upper().replace("SHA", "SHA-") for name in LINEAR_ALGORITHMS}


def format_of(text: str) -> ImageFormat:
    """Raises Refused for formats nobody knows."""
    found = next((f for f in _EXTENSIONS if f.value == text.lower()), None)
    if found is None:
        known = ", ".join(f.value.upper() for f in _EXTENSIONS)
        raise Refused(PARAMETER, f"{text[:32]} is an invalid image format; known are {known}")
    return found


def hypervisor_of(text: str) -> HypervisorKind:
    """Raises Refused for hypervisors there is nothing for."""
    found = next((h for h in HypervisorKind if h.value.lower() == text.lower()), None)
    if found is None:
        known = ", ".join(h.value for h in HypervisorKind)
        raise Refused(PARAMETER, f"hypervisor {text[:32]} is not supported; known are {known}")
    return found


def digest_of(text: str) -> str:
    """``algorithm:hex`` of a checksum with or without ``{SHA-256}``; by its length without."""
    match = _CHECKSUM.fullmatch(text.strip())
    told = "" if match is None else (match[1] or match[2] or "").lower().replace("-", "")
    value = "" if match is None else match[3].lower()
    name = told or _BY_LENGTH.get(len(value), "")
    if LINEAR_ALGORITHMS.get(name) != len(value):
        raise Refused(
            PARAMETER,
            "the checksum is none of MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512: write its "
            "hexadecimal digits, with or without {algorithm} before them",
        )
    return f"{name}:{value}"


def checksum_of(digest: str) -> str:
    """As CloudStack shows it; an MD5 stands alone."""
    name, _, value = digest.partition(":")
    return value if name == "md5" else f"{{{_DASHED.get(name, name)}}}{value}"


def check_url(url: str, wanted: ImageFormat, allow: tuple[str, ...]) -> None:
    """Raises Refused for what no agent would fetch."""
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise Refused(PARAMETER, f"URL scheme {parts.scheme[:16]!r} is not supported: use http(s)")
    if not parts.hostname:
        raise Refused(PARAMETER, "the URL names no host")
    _check_host(parts.hostname, allow)
    path = parts.path.lower()
    ends = tuple(f".{end}{packed}" for end in _EXTENSIONS[wanted] for packed in _PACKED)
    if not path.endswith(ends):
        known = ", ".join(f".{end}" for end in _EXTENSIONS[wanted])
        raise Refused(
            PARAMETER,
            f"Please specify a valid {wanted.value}: its URL ends in {known}, packed or not",
        )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Refused(PARAMETER, "the URL cannot be read") from None
    return parts


def _check_host(host: str, allow: tuple[str, ...]) -> None:
    """Of a literal address at once; names are judged where they are resolved, by the agent."""
    text = "127.0.0.1" if host.lower().rstrip(".") == "localhost" else host
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return
    never = address.is_loopback or address.is_link_local or address.is_multicast
    if not never and not address.is_unspecified:
        return
    try:
        check(text, FetchRules(allow=allow, max_bytes=1), host)
    except SourceRefused as error:
        raise Refused(PARAMETER, f"Illegal host specified in url: {error.cause}") from None
