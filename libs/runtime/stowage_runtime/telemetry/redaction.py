"""The second line: hides secrets in what is about to be logged, whoever put them there."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

HIDDEN = "[hidden]"
_SHORTEST = 6
"""Shorter values are not searched for: they would be found everywhere."""

_USERINFO = re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://)[^\s/?#@]*@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?P<keep>\b(?:X-Amz-(?:Signature|Credential|Security-Token)|temp_url_sig|Signature"
    r"|AWSAccessKeyId|apikey|api_key|secretkey|secret_key|access_key|password|token|sig)"
    r"(?:=|%3D))[^&\s\"'<>]+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<keep>\b(?:Authorization|X-Auth-Token|X-Subject-Token|Cookie|Set-Cookie)\b['\"]?"
    r"\s*[:=]\s*['\"]?)(?:(?:Bearer|Basic|AWS4-HMAC-SHA256)\s+)?[^\s'\",;}]+[^\r\n'\"}]*",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\b(?P<keep>Bearer\s+)[\w.~+/=-]+", re.IGNORECASE)
_KEY = re.compile(
    r"(?:password|secret|secret_key|token|authorization|cookie|api_?key|private_key|signing_key|access_key"
    r"|ticket|credential)$",
    re.IGNORECASE,
)


class Redactor:
    """Hides what looks like a secret, and the secret values it was told of."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        found = sorted({value for value in known if len(value) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern in (_USERINFO, _QUERY, _HEADER, _TOKEN):
            text = pattern.sub(_keep, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The value without secrets; what is not plain data becomes its redacted ``repr``."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, SecretStr) or (name and _KEY.search(name)):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(repr(value))


def secrets_of(settings: BaseModel) -> list[str]:
    """Every secret value of ``settings``, and the passwords inside its URLs."""
    values = [
        value.get_secret_value()
        for value in dict(settings).values()
        if isinstance(value, SecretStr)
    ]
    return values + [part for value in values for part in _passwords(value)]


def _passwords(text: str) -> list[str]:
    return re.findall(r"://[^\s/?#@:]*:([^\s/?#@]+)@", text)


def _keep(match: re.Match[str]) -> str:
    return f"{match['keep']}{HIDDEN}" + ("@" if match[0].endswith("@") else "")
