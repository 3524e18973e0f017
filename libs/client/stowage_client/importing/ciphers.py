"""How CloudStack keeps secrets, opened with its key; other ways are refused by their name."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping

from stowage_contracts.errors import InvalidInput

_ITERATIONS, _SALT, _NONCE = 1000, 8, 12
_VERSIONS: Mapping[str, tuple[str, ...]] = {
    "": ("AES-GCM", "PBEWithMD5AndDES"),
    "v2": ("AES-GCM",),
    "v1": ("PBEWithMD5AndDES",),
}
"""By ``db.cloud.encryptor.version``; where none is told both are tried, as CloudStack does."""
SUPPORTED = "AES-GCM (AeadBase64, encryptor V2) and PBEWithMD5AndDES (jasypt, encryptor V1)"


def opened(text: str, key: str, *, version: str = "") -> str:
    """The secret; raises InvalidInput, which repeats neither.

    ``version`` is CloudStack's word for the cipher; the one that fits is found when it is empty.
    """
    ciphers = _VERSIONS.get(version.strip().lower())
    if ciphers is None:
        told = version.strip()[:40]
        raise InvalidInput(
            f"secrets are kept by cipher {told!r}, which is not supported",
            code="cipher",
            hint=f"supported are {SUPPORTED}; give the secrets with --store-secret",
        )
    for cipher in ciphers:
        plain = _tried(_CIPHERS[cipher], text, key)
        if plain is not None:
            return plain
    raise InvalidInput(
        f"the key opens it by none of {', '.join(ciphers)}",
        code="cipher",
        hint="is it the database's secret (db.cloud.encrypt.secret), opened with the right key?",
    )


def _tried(cipher: Callable[[bytes, str], bytes], text: str, key: str) -> str | None:
    try:
        return cipher(base64.b64decode(text, validate=True), key).decode()
    except (binascii.Error, ValueError):
        return None


def _aes_gcm(sealed: bytes, key: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        cipher = AESGCM(hashlib.sha256(key.encode()).digest())
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], b"")
    except InvalidTag:
        raise ValueError("another key, or another cipher") from None


def _pbe_md5_des(sealed: bytes, key: str) -> bytes:
    """PKCS #5 v1.5: key and first block's mask are the MD5 of password and salt, many times."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    derived = key.encode("latin-1") + sealed[:_SALT]
    for _ in range(_ITERATIONS):
        derived = hashlib.md5(derived, usedforsecurity=False).digest()
    single_des = TripleDES(derived[:8] * 3)
    decryptor = Cipher(single_des, modes.CBC(derived[8:])).decryptor()
    padded = decryptor.update(sealed[_SALT:]) + decryptor.finalize()
    unpadder = PKCS7(64).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


_CIPHERS: Mapping[str, Callable[[bytes, str], bytes]] = {
    "AES-GCM": _aes_gcm,
    "PBEWithMD5AndDES": _pbe_md5_des,
}
