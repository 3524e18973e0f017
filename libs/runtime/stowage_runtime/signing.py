"""Signed tickets (Ed25519): claims that whoever holds the public key can believe."""

import json
from datetime import datetime
from typing import Any, TypedDict, TypeVar, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr, ValidationError
from stowage_contracts.errors import GrantRefused, InvalidInput
from stowage_contracts.values import Value

from stowage_runtime.secrets import decode, encode, key

V = TypeVar("V", bound=Value)
_PURPOSE = b"stowage ticket 1\0"
"""Signed with every token, so that the key can't be made to sign for anything else."""


class _Stated(TypedDict):
    type: str
    expires: float
    claims: dict[str, Any]


class Signer:
    """Signs claims."""

    def __init__(self, private_key: SecretStr) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(key(private_key, "ticket signing key"))

    def sign(self, claims: Value, expires: datetime) -> SecretStr:
        """A token that ``Verifier`` believes until ``expires`` (aware)."""
        stated = {
            "type": type(claims).__name__,
            "expires": expires.timestamp(),
            "claims": claims.model_dump(mode="json"),
        }
        body = json.dumps(stated, separators=(",", ":")).encode()
        return SecretStr(f"{encode(body)}.{encode(self._key.sign(_PURPOSE + body))}")


class Verifier:
    """Believes tokens of the keys it was given; several while one is being replaced."""

    def __init__(self, public_keys: str) -> None:
        raw = [key(text, "ticket verify key") for text in public_keys.split(",")]
        self._keys = [Ed25519PublicKey.from_public_bytes(each) for each in raw]

    def verify(self, token: SecretStr, model: type[V], now: datetime) -> V:
        """The claims; raises GrantRefused (``grant.forged``, ``.expired``, ``.malformed``)."""
        stated = self._stated(token.get_secret_value())
        if stated["type"] != model.__name__:
            raise GrantRefused("the ticket is for something else", code="malformed")
        if stated["expires"] <= now.timestamp():
            raise GrantRefused("the ticket has expired", code="expired")
        try:
            return model.model_validate(stated["claims"])
        except ValidationError:
            raise GrantRefused("the ticket's claims are malformed", code="malformed") from None

    def _stated(self, token: str) -> _Stated:
        head, _, tail = token.partition(".")
        try:
            body, signature = decode(head), decode(tail)
        except InvalidInput:
            raise GrantRefused("the ticket is malformed", code="malformed") from None
        if not any(_signed(each, signature, body) for each in self._keys):
            raise GrantRefused("the ticket's signature is not ours", code="forged")
        return cast(_Stated, json.loads(body))


def _signed(public: Ed25519PublicKey, signature: bytes, body: bytes) -> bool:
    try:
        public.verify(signature, _PURPOSE + body)
    except InvalidSignature:
        return False
    return True
