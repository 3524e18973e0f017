"""Signatures of requests: HMAC-SHA1 over sorted parameters, as CloudStack's clients make them."""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from hashlib import sha1
from urllib.parse import quote

from stowage_contracts.errors import NotAuthorized

_VERSION_THAT_EXPIRES = "3"


def check_signature(sent: Mapping[str, str], secret: str) -> None:
    """Raises NotAuthorized unless ``sent`` (names as sent) was signed with ``secret``."""
    told = next((value for name, value in sent.items() if name.lower() == "signature"), "")
    signed = {name: value for name, value in sent.items() if name.lower() != "signature"}
    found = False
    for text in _texts(signed):
        mac = hmac.new(secret.encode(), text.encode(), sha1)
        found |= hmac.compare_digest(b64encode(mac.digest()), told.encode("utf-8", "replace"))
    if not found:
        raise NotAuthorized("the signature is wrong", code="signature")


def check_expiry(params: Mapping[str, str], now: datetime) -> None:
    """Raises NotAuthorized for version 3 requests that are past their time, or tell none."""
    if params.get("signatureversion") != _VERSION_THAT_EXPIRES:
        return
    try:
        expires = datetime.fromisoformat(params.get("expires", ""))
    except ValueError:
        raise NotAuthorized("expires is missing or no date", code="expires") from None
    if expires.tzinfo is None or expires <= now:
        raise NotAuthorized("the request has expired", code="expired")


def _texts(signed: Mapping[str, str]) -> Iterator[str]:
    """What may have been signed: clients differ in the order, and on ``~`` and brackets."""
    orders: tuple[Callable[[str], str], ...] = (str, str.lower)
    for safe in ("*", "*[]"):
        for text in dict.fromkeys(_joined(signed, order, safe) for order in orders):
            yield text.replace("~", "%7e")
            if "~" in text:
                yield text


def _joined(signed: Mapping[str, str], order: Callable[[str], str], safe: str) -> str:
    names = sorted(signed, key=order)
    return "&".join(f"{name}={quote(signed[name], safe=safe)}" for name in names).lower()
