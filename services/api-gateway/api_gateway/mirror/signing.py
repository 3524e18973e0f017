"""Requests to CloudStack's query API, signed as it demands."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha1
from urllib.parse import quote

from pydantic import SecretStr

LIFE = timedelta(minutes=10)
"""How long a request may be on its way; CloudStack takes 15 minutes at most."""


def signed(params: Mapping[str, str], secret: SecretStr, now: datetime) -> dict[str, str]:
    """The parameters with their expiry and signature (version 3)."""
    expires = (now + LIFE).strftime("%Y-%m-%dT%H:%M:%S%z")
    whole = {**params, "signatureVersion": "3", "expires": expires}
    text = "&".join(f"{name}={quote(whole[name], safe='*')}" for name in sorted(whole))
    lowered = text.replace("~", "%7E").lower()
    mac = hmac.new(secret.get_secret_value().encode(), lowered.encode(), sha1)
    return {**whole, "signature": b64encode(mac.digest()).decode()}
