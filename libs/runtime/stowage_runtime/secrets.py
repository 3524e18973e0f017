"""Secrets: sealed for their owner's public key on the way, and bound to their row at rest."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput

_NONCE = 12
_KEY = 32
_BOX = "box1"
_ROW = "row1"


def encode(raw: bytes) -> str:
    """Key or ciphertext as unpadded URL-safe base64."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Back from ``encode``; raises InvalidInput."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("not base64", code="secret") from None


def key(text: str | SecretStr, what: str) -> bytes:
    """A 32-byte key; raises InvalidInput naming ``what``, never the text."""
    raw = text.get_secret_value() if isinstance(text, SecretStr) else text
    if not raw:
        raise InvalidInput(f"{what} is not set", resource=what, code="key", hint=_MAKE_KEYS)
    try:
        found = decode(raw.strip())
    except InvalidInput:
        found = b""
    if len(found) != _KEY:
        raise InvalidInput(f"{what} is not a key", resource=what, code="key", hint=_MAKE_KEYS)
    return found


_MAKE_KEYS = "python -m stowage_runtime.keys makes every key"


class Sealer:
    """Seals for an owner; what it seals it cannot open again."""

    @staticmethod
    def seal(public_key: str, plaintext: bytes, context: str) -> str:
        """``context`` (what it is for, e.g. ``store/<id>``) must be given again to open."""
        theirs = X25519PublicKey.from_public_bytes(key(public_key, "public key"))
        once = X25519PrivateKey.generate()
        point = once.public_key().public_bytes_raw()
        shared = _shared(once.exchange(theirs), point + theirs.public_bytes_raw())
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(shared).encrypt(nonce, plaintext, context.encode())
        return f"{_BOX}.{encode(point + nonce + sealed)}"


class Opener:
    """Opens what was sealed for its private key; several keys while one is being replaced."""

    def __init__(self, private_keys: SecretStr) -> None:
        texts = private_keys.get_secret_value().split(",")
        raw = [key(text, "seal private key") for text in texts]
        self._keys = [X25519PrivateKey.from_private_bytes(each) for each in raw]

    def open(self, text: str, context: str) -> bytes:
        """Raises InvalidInput when it was sealed for another key or context, or changed."""
        box = _body(text, _BOX)
        point, nonce, sealed = box[:_KEY], box[_KEY : _KEY + _NONCE], box[_KEY + _NONCE :]
        for mine in self._keys:
            try:
                shared = mine.exchange(X25519PublicKey.from_public_bytes(point))
                aes = AESGCM(_shared(shared, point + mine.public_key().public_bytes_raw()))
                return aes.decrypt(nonce, sealed, context.encode())
            except (InvalidTag, ValueError):
                continue
        raise InvalidInput("cannot be opened: sealed for another key or purpose", code="secret")


class RowCipher:
    """Seals columns; what is sealed for one row is refused in any other."""

    def __init__(self, key_ring: SecretStr) -> None:
        """``key_ring``: ``id:key`` pairs joined by commas; the first seals, all open."""
        pairs = [_named(item) for item in key_ring.get_secret_value().split(",")]
        self._ring = {name: AESGCM(raw) for name, raw in pairs}
        self._newest = pairs[0][0]

    def seal(self, plaintext: bytes, row: str) -> str:
        """``row`` is the row's identity, e.g. ``data_stores/<id>/secrets``."""
        nonce = os.urandom(_NONCE)
        sealed = self._ring[self._newest].encrypt(nonce, plaintext, _bound(self._newest, row))
        return f"{_ROW}.{self._newest}.{encode(nonce + sealed)}"

    def open(self, text: str, row: str) -> bytes:
        """Raises InvalidInput: unknown key, another row's value, or changed."""
        name, _, rest = text.removeprefix(f"{_ROW}.").partition(".")
        aes = self._ring.get(name)
        if not text.startswith(f"{_ROW}.") or aes is None:
            raise InvalidInput("sealed at rest with a key that is not in the ring", code="secret")
        body = decode(rest)
        try:
            return aes.decrypt(body[:_NONCE], body[_NONCE:], _bound(name, row))
        except (InvalidTag, ValueError):
            raise InvalidInput("sealed for another row, or changed", code="secret") from None

    def stale(self, text: str) -> bool:
        """Whether it should be sealed again with the newest key."""
        return not text.startswith(f"{_ROW}.{self._newest}.")


def _named(item: str) -> tuple[str, bytes]:
    name, colon, text = item.strip().partition(":")
    if not colon or not name.isalnum():
        raise InvalidInput(
            "at-rest key ring is not id:key,…", resource="at-rest key", code="key", hint=_MAKE_KEYS
        )
    return name, key(text, "at-rest key")


def _bound(name: str, row: str) -> bytes:
    return f"{name}\0{row}".encode()


def _body(text: str, form: str) -> bytes:
    found, _, rest = text.partition(".")
    body = decode(rest)
    if found != form or len(body) < _KEY + _NONCE:
        raise InvalidInput("not a sealed secret", code="secret")
    return body


def _shared(secret: bytes, points: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt=points, info=b"stowage box1").derive(secret)
