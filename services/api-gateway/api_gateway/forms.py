"""Settings of stores by their provider's form: which fields are secret."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_runtime.handling.tx import Tx

LARGEST_SETTINGS = 16_384
"""Characters of JSON: settings travel in messages."""
_LOOKS_SECRET = re.compile(r"secret|passw|token|access_?key|private|credential|api_?key", re.I)
_LOGIN_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def check_size(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings themselves; raises ValueError when they are too big to travel."""
    if len(json.dumps(settings)) > LARGEST_SETTINGS:
        raise ValueError(f"settings have at most {LARGEST_SETTINGS} characters as JSON")
    return settings


@dataclass(frozen=True)
class Filled:
    """A form as a caller filled it in, its secrets apart."""

    settings: dict[str, Any]
    secrets: dict[str, str]

    @property
    def plaintext(self) -> bytes:
        """The secrets as their owner reads them once opened; empty without any."""
        return json.dumps(self.secrets).encode() if self.secrets else b""


@dataclass(frozen=True)
class Form:
    """Names of the fields a provider declares; none are known of one nobody offered."""

    secret: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()

    def fill(self, settings: Mapping[str, Any], secrets: Mapping[str, SecretStr]) -> Filled:
        """Secret fields are taken out of the settings. Raises InvalidInput, naming fields only."""
        moved = {name: value for name, value in settings.items() if name in self.secret and value}
        wrong = [name for name in moved if name in secrets or not isinstance(moved[name], str)]
        if wrong:
            raise InvalidInput(f"{', '.join(wrong)}: a secret is one text", code="secret")
        given = {name: value.get_secret_value() for name, value in secrets.items()}
        kept = {name: value for name, value in settings.items() if name not in self.secret}
        self.check(kept)
        return Filled(kept, {**given, **moved})

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raises InvalidInput for settings that are or look secret."""
        named = [name for name in settings if name in self.secret]
        undeclared = {name: each for name, each in settings.items() if name not in self.plain}
        declared = [name for name in self.plain if _loose(settings.get(name), name)]
        loose = sorted({*named, *_loose(undeclared), *declared})
        if loose:
            raise InvalidInput(
                f"{', '.join(loose)} must be given under 'secrets'",
                code="secret_in_settings",
                hint="what stands under 'settings' is shown and stored in clear",
            )


async def form_of(provider: str, tx: Tx) -> Form:
    """The form of the provider of that name; an empty one while nobody offered it."""
    row = await tx.row("provider", provider)
    schema = row["state"]["settings"] if row is not None else {}
    fields = schema.get("properties", {})
    secret = frozenset(name for name, field in fields.items() if _is_secret(field))
    return Form(secret, frozenset(fields) - secret)


def _is_secret(field: Any) -> bool:
    """Also where it may be null or is one of several."""
    if not isinstance(field, dict):
        return False
    choices = [each for word in ("anyOf", "oneOf", "allOf") for each in field.get(word, ())]
    return bool(field.get("writeOnly")) or any(map(_is_secret, choices))


def _loose(value: Any, name: str = "settings") -> list[str]:
    """Names of settings, however deep, that look like secrets."""
    if isinstance(value, dict):
        named = [key for key, inner in value.items() if _LOOKS_SECRET.search(key) and inner]
        return [*named, *(bad for key, inner in value.items() for bad in _loose(inner, key))]
    if isinstance(value, list):
        return [bad for inner in value for bad in _loose(inner, name)]
    return [name] if isinstance(value, str) and _LOGIN_IN_URL.search(value) else []
