"""What CloudStack says of a store (provider, url, details) as settings of our providers."""

import json
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from api_gateway.cloudstack.errors import PARAMETER, Refused

CONTAINER = "stowage"
"""Swift container of a store that names none: CloudStack's stores have one per object."""
_S3_NAMES = {"accesskey": "access_key", "secretkey": "secret_key"}
_S3_TAKEN = ("s3signer", "connectiontimeout", "maxerrorretry", "connectionttl", "usetcpkeepalive")
"""Tuning of CloudStack's own client, which ours has no use for."""
Details = dict[str, str]


def settings_of(
    provider: Mapping[str, Any], url: str, details: Mapping[str, str]
) -> dict[str, Any]:
    """Settings for a provider's form, secret ones included; raises Refused (431).

    Details may also be settings by the form's own names.
    """
    given = {name.lower(): value for name, value in details.items()}
    filled = _FILL.get(provider["id"], _plain)(url, given)
    fields: dict[str, Any] = provider["settings"].get("properties", {})
    if url and filled is given and "url" in fields:
        filled["url"] = url
    return {name: _typed(name, value, fields.get(name, {})) for name, value in filled.items()}


def _s3(url: str, given: Details) -> Details:
    secure = given.pop("usehttps", "true").lower() == "true"
    silence = given.pop("sockettimeout", "")
    taken = {name: value for name, value in given.items() if name not in _S3_TAKEN}
    found = {_S3_NAMES.get(name, name): value for name, value in taken.items()}
    endpoint = found.get("endpoint") or url
    if endpoint:
        scheme = "https" if secure else "http"
        found["endpoint"] = endpoint if "://" in endpoint else f"{scheme}://{endpoint}"
    if silence:
        found.setdefault("timeout_seconds", _seconds("sockettimeout", silence))
    _need(found, {"access_key": "accesskey", "secret_key": "secretkey"})
    _need(found, {"endpoint": "endpoint", "bucket": "bucket"})
    return found


def _swift(url: str, given: Details) -> Details:
    account, name = given.pop("account", ""), given.pop("username", "")
    policy = given.pop("storagepolicy", "")
    if policy:
        given["policy"] = policy
    user = f"{account}:{name}" if account and name else name or account
    found = {**({"user": user} if user else {}), **given}
    found.setdefault("auth_url", url)
    if "container" not in found:
        found |= {"container": CONTAINER, "create": "true"}
    found.setdefault("temp_url_key", secrets.token_urlsafe(32))
    _need(found, {"auth_url": "url", "user": "username", "key": "key"})
    return found


def _nfs(url: str, given: Details) -> Details:
    wanted = given.pop("nfsversion", "")
    parts = urlsplit(given.get("url") or url)
    if parts.scheme == "cifs":
        raise Refused(
            PARAMETER,
            "SMB shares are not mounted by Stowage",
            hint="mount the share and add it with provider 'directory'",
        )
    if parts.scheme != "nfs":
        raise Refused(PARAMETER, "url is nfs://<host>/<path>")
    options = dict(parse_qsl(parts.query))
    if wanted:
        options["version"] = wanted.partition(".")[0]
    return {**given, "url": parts._replace(query=urlencode(options)).geturl()}


def _directory(url: str, given: Details) -> Details:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("", "file", "directory") or parts.netloc):
        raise Refused(PARAMETER, "url is file:///<absolute path>")
    return {"root": parts.path, **given} if url else given


def _plain(url: str, given: Details) -> Details:
    return given


_FILL: Mapping[str, Callable[[str, Details], Details]] = MappingProxyType(
    {"s3": _s3, "swift": _swift, "nfs": _nfs, "directory": _directory}
)


def _need(found: Mapping[str, str], names: Mapping[str, str]) -> None:
    missing = [told for name, told in names.items() if not found.get(name)]
    if missing:
        raise Refused(PARAMETER, f"missing: {', '.join(missing)}")


def _seconds(name: str, text: str) -> str:
    """CloudStack's milliseconds."""
    if not text.isdecimal() or int(text) == 0:
        raise Refused(PARAMETER, f"{name} is a number of milliseconds")
    return str(min(int(text) / 1000, 600))


def _typed(name: str, text: str, field: Mapping[str, Any]) -> Any:
    """As the form wants it: details are texts."""
    kinds = {kind for kind in _READ if kind in _kinds(field)}
    if "string" in _kinds(field) or not kinds:
        return text
    try:
        return _READ[min(kinds)](text)
    except ValueError:
        raise Refused(PARAMETER, f"detail {name} is no {' or '.join(sorted(kinds))}") from None


def _kinds(field: Mapping[str, Any]) -> set[str]:
    choices = [each for word in ("anyOf", "oneOf", "allOf") for each in field.get(word, ())]
    return {field.get("type", ""), *(kind for each in choices for kind in _kinds(each))}


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_READ: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "array": lambda text: [part.strip() for part in text.split(",") if part.strip()],
        "boolean": _flag,
        "integer": int,
        "number": float,
        "object": json.loads,
    }
)
