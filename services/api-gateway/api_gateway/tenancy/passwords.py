"""Passwords: kept as scrypt with the parameters it was made with."""

import asyncio
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from pydantic import SecretStr

N, R, P = 1 << 14, 8, 1
"""16 MiB and some 50 ms a try."""
_MEMORY = 64 << 20
_SALT_BYTES, _HASH_BYTES = 16, 32
_NOBODY = f"scrypt${N}${R}${P}${b64encode(bytes(_SALT_BYTES)).decode()}$"
"""Tried for users there are not, so that they take as long."""


async def kept(password: SecretStr) -> str:
    """``scrypt$n$r$p$salt$hash``, to be stored."""
    salt = secrets.token_bytes(_SALT_BYTES)
    made = await asyncio.to_thread(_scrypt, password, salt, (N, R, P))
    return f"scrypt${N}${R}${P}${b64encode(salt).decode()}${b64encode(made).decode()}"


async def matches(password: SecretStr, stored: str | None) -> bool:
    """Whether it is the password that was stored; takes the same time where there is none."""
    _, n, r, p, salt, known = (stored or _NOBODY).split("$")
    made = await asyncio.to_thread(_scrypt, password, b64decode(salt), (int(n), int(r), int(p)))
    return hmac.compare_digest(made, b64decode(known))


def _scrypt(password: SecretStr, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    raw = password.get_secret_value().encode("utf-8", "surrogatepass")
    n, r, p = cost
    return hashlib.scrypt(raw, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=_HASH_BYTES)
