"""CloudStack's image stores as stores of Stowage: provider, settings, secrets."""

import re
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from stowage_contracts.errors import InvalidInput, StowageError

from stowage_client.importing.keys import DatabaseKey
from stowage_client.importing.records import CACHE, Store, World

_REGION = re.compile(r"s3[.-]([a-z0-9-]+)\.amazonaws\.com")
_AWS = ".amazonaws.com"
MAIN = "main"
"""The one secret that every provider with secrets has, whatever it calls it."""
_MAIN = {"S3": "secret_key", "SWIFT": "key"}
_CONTAINER, _OTHERS = "stowage", r"[TSV]-\d+"


@dataclass(frozen=True)
class Wishes:
    """What an operator says of stores; each is named by its name or id."""

    key: DatabaseKey = field(default_factory=DatabaseKey)
    roots: Mapping[str, str] = field(default_factory=dict)
    """Directories at which hosts have stores mounted."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    leave_out: frozenset[str] = frozenset()
    read_only: bool = False
    """Write nothing to any of them."""

    def named(self) -> frozenset[str]:
        """Every store that something is said of."""
        return frozenset((*self.roots, *self.settings, *self.secrets, *self.leave_out))


@dataclass(frozen=True)
class StorePlan:
    """A store to add, or why it is not."""

    store: Store
    provider: str = ""
    zone_id: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_only: bool = False
    code: str = ""
    cause: str = ""


def plan_of(store: Store, world: World, wishes: Wishes) -> StorePlan:
    """Total: a store that cannot be added has a code."""
    if store.removed:
        return StorePlan(store, code="removed", cause="it was removed")
    if _said(wishes.leave_out, store):
        return StorePlan(store, code="left_out", cause="it was left out by request")
    zone = world.zones.get(store.zone) if store.zone is not None else None
    if store.zone is not None and (zone is None or zone.removed):
        return StorePlan(store, code="zone_gone", cause="its zone was removed")
    try:
        provider, settings, secrets = _made(store, wishes)
    except StowageError as error:
        return StorePlan(store, code=error.code.rpartition(".")[2], cause=error.cause)
    return StorePlan(
        store,
        provider=provider,
        zone_id=zone.id if zone else None,
        settings={**settings, **_of(wishes.settings, store)},
        secrets={**secrets, **_given(store, wishes)},
        read_only=wishes.read_only or store.read_only or store.role == CACHE,
    )


def check_names(wishes: Wishes, world: World) -> None:
    """Raises InvalidInput for wishes about stores that are not there."""
    known = {name for store in world.stores.values() for name in (store.id, store.name)}
    if unknown := sorted(wishes.named() - known):
        raise InvalidInput(
            f"there is no store {unknown[0]!r}",
            code="store",
            hint="name a store by its name or its uuid; --dry-run lists them",
        )


def _said(names: frozenset[str], store: Store) -> bool:
    return bool(names & {store.id, store.name})


def _of(table: Mapping[str, Any], store: Store) -> Any:
    return table.get(store.id) or table.get(store.name) or {}


def _given(store: Store, wishes: Wishes) -> dict[str, str]:
    """Secrets that an operator gave for it, by the names its provider has for them."""
    main = _MAIN.get(store.provider.upper(), MAIN)
    told: Mapping[str, str] = _of(wishes.secrets, store)
    return {main if name == MAIN else name: secret for name, secret in told.items()}


Made = tuple[str, dict[str, Any], dict[str, str]]


def _made(store: Store, wishes: Wishes) -> Made:
    if root := _of(wishes.roots, store):
        return "directory", {"root": root}, {}
    kind = store.provider.upper()
    if kind == "NFS":
        return "NFS", {"url": _nfs_url(store)}, {}
    if kind == "S3":
        return _s3(store, wishes)
    if kind == "SWIFT":
        return _swift(store, wishes)
    raise InvalidInput(f"no provider for {store.provider}", code="provider")


def _nfs_url(store: Store) -> str:
    at = urlsplit(store.url)
    if at.scheme.lower() not in ("nfs", "networkfilesystem") or not at.hostname or not at.path:
        raise InvalidInput("its url names no NFS export", code="url")
    host = f"[{at.hostname}]" if ":" in at.hostname else at.hostname
    place = f"{host}:{at.port}" if at.port else host
    version = store.details.get("nfsversion", "")
    told = dict(parse_qsl(at.query)).get("vers", version).partition(".")[0]
    return f"nfs://{place}{at.path.rstrip('/')}" + (
        f"?version={told}" if told in ("3", "4") else ""
    )


def _s3(store: Store, wishes: Wishes) -> Made:
    told = store.details
    endpoint, bucket = told.get("endpoint") or "s3.amazonaws.com", told.get("bucket")
    if not bucket:
        raise InvalidInput("no bucket is recorded", code="bucket")
    scheme = "https" if told.get("usehttps", "true").lower() == "true" else "http"
    plain = endpoint if "://" in endpoint else f"{scheme}://{endpoint}"
    settings: dict[str, Any] = {"endpoint": plain.rstrip("/"), "bucket": bucket}
    host = urlsplit(plain).hostname or ""
    if region := _REGION.fullmatch(host):
        settings["region"] = region[1]
    if host.endswith(_AWS) and "." not in bucket:
        settings["addressing"] = "virtual"
    secrets = {"access_key": told.get("accesskey", "")}
    if "secret_key" not in _given(store, wishes):
        secrets["secret_key"] = _secret(store, "secretkey", wishes.key)
    return "S3", settings, secrets


def _swift(store: Store, wishes: Wishes) -> Made:
    told = store.details
    if not (told.get("account") and told.get("username") and store.url):
        raise InvalidInput("no account, user or url is recorded", code="url")
    settings = {
        "auth_url": store.url,
        "user": f"{told['account']}:{told['username']}",
        "container": _CONTAINER,
        "others": _OTHERS,
        "create": True,
    }
    secrets = {"temp_url_key": random.token_hex(20)}
    if "key" not in _given(store, wishes):
        secrets["key"] = _secret(store, "key", wishes.key)
    return "Swift", settings, secrets


def _secret(store: Store, name: str, key: DatabaseKey) -> str:
    """A detail in clear; raises InvalidInput, which does not repeat it."""
    text = store.details.get(name) or ""
    if not text:
        raise InvalidInput(f"no {name} is recorded", code="secret")
    if not store.sealed:
        return text
    if not key.given:
        raise InvalidInput(
            f"its {name} is encrypted: give the database's key, or --store-secret", code="sealed"
        )
    return key.open(text)
