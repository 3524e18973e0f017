"""Secrets of sinks: what signs for them, and where they lead; sealed together at rest."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stowage_contracts.values import Instant, Secret, Value
from stowage_runtime.secrets import RowCipher

PREFIX = "whsec_"
"""Before a key in base64, as Standard Webhooks writes them."""
KEY_BYTES = 32


class SinkKey(Value):
    """A secret that signs, until it has been replaced for long enough."""

    text: Secret
    until: Instant | None = None

    @property
    def raw(self) -> bytes:
        """The bytes that sign: what follows the prefix, else the text itself."""
        text = self.text.get_secret_value()
        if text.startswith(PREFIX):
            try:
                return base64.b64decode(text.removeprefix(PREFIX), validate=True)
            except binascii.Error:
                pass
        return text.encode()

    def signs(self, now: datetime) -> bool:
        """Whether it still does."""
        return self.until is None or self.until > now


class SinkSecrets(Value):
    """All of one sink."""

    url: Secret
    keys: tuple[SinkKey, ...]
    """The newest first."""

    def rotated(self, text: str, until: datetime) -> "SinkSecrets":
        """With a new key; those before it sign until then."""
        new = SinkKey.model_validate({"text": text})
        old = [
            key.model_copy(update={"until": min(until, key.until or until)}) for key in self.keys
        ]
        return self.model_copy(update={"keys": (new, *old[:1])})

    def sealed(self, sink_id: str, cipher: RowCipher) -> str:
        """For its row."""
        return cipher.seal(self.model_dump_json().encode(), _row(sink_id))

    @classmethod
    def opened(cls, sealed: str, sink_id: str, cipher: RowCipher) -> "SinkSecrets":
        """Back from its row; raises InvalidInput."""
        found: Any = json.loads(cipher.open(sealed, _row(sink_id)))
        return cls.model_validate(found)


def new_secret() -> str:
    """A fresh random one."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signature(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signatures(
    keys: Sequence[SinkKey], message_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time and body, signed by every key that still does."""
    at = str(int(now.timestamp()))
    signed = f"{message_id}.{at}.".encode() + body
    made = [f"v1,{signature(key.raw, signed)}" for key in keys if key.signs(now)]
    return {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": " ".join(made)}


def _row(sink_id: str) -> str:
    return f"sinks/{sink_id}"
