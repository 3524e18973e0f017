"""What a bucket does behind one's back: told by the probe, never a failure of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from stowage_contracts.errors import NotFound, StowageError
from stowage_contracts.views import ProbeCheck

from stowage_stores.s3.bucket import Bucket
from stowage_stores.s3.errors import translated

_NONE = (
    "ObjectLockConfigurationNotFoundError",
    "NoSuchLifecycleConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
)


class Findings:
    """Versioning, object lock, life cycle rules and encryption of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._name = bucket.settings.bucket

    async def rows(self) -> tuple[ProbeCheck, ...]:
        """A row each; ``cause`` is empty where there is nothing to tell."""
        asked: dict[str, Callable[[Any], Awaitable[str]]] = {
            "versioning": self._versioning,
            "object_lock": self._lock,
            "lifecycle": self._lifecycle,
            "encryption": self._encryption,
        }
        return tuple(
            [
                ProbeCheck(name=name, ok=True, cause=await self._told(ask))
                for name, ask in asked.items()
            ]
        )

    async def _told(self, ask: Callable[[Any], Awaitable[str]]) -> str:
        try:
            async with asyncio.timeout(self._bucket.settings.timeout_seconds):
                with translated(self._name):
                    return await ask(await self._bucket.client())
        except NotFound:
            return ""
        except StowageError as error:
            return "" if error.details.get("s3_code") in _NONE else f"not told: {error.cause}"
        except TimeoutError:
            return "not told: no answer in time"

    async def _versioning(self, client: Any) -> str:
        state = (await client.get_bucket_versioning(Bucket=self._name)).get("Status", "")
        if state != "Enabled":
            return ""
        return "versions are kept: deleted objects use space until a rule expires old versions"

    async def _lock(self, client: Any) -> str:
        told = await client.get_object_lock_configuration(Bucket=self._name)
        lock = told.get("ObjectLockConfiguration", {})
        rule = lock.get("Rule", {}).get("DefaultRetention", {})
        if not rule:
            return "objects can be locked; none is by default" if lock else ""
        span = f"{rule.get('Days') or rule.get('Years')} {'days' if 'Days' in rule else 'years'}"
        return f"objects are locked for {span} ({rule.get('Mode')}): deleting frees no space before"

    async def _encryption(self, client: Any) -> str:
        told = await client.get_bucket_encryption(Bucket=self._name)
        rules = told.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        kinds = {r.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for r in rules}
        known = ", ".join(sorted(filter(None, kinds)))
        return f"the server encrypts objects ({known})" if known else ""

    async def _lifecycle(self, client: Any) -> str:
        told = await client.get_bucket_lifecycle_configuration(Bucket=self._name)
        prefix = self._bucket.settings.prefix
        return "; ".join(
            effect for rule in told.get("Rules", ()) for effect in effects(rule, prefix)
        )


def effects(rule: dict[str, Any], prefix: str) -> Iterator[str]:
    """What a life cycle rule does to live objects or open uploads below ``prefix``."""
    only = rule.get("Filter") or rule
    where = only.get("Prefix") or only.get("And", {}).get("Prefix") or ""
    if rule.get("Status") != "Enabled" or not (
        where.startswith(prefix) or prefix.startswith(where)
    ):
        return
    name = f"rule {rule.get('ID', '?')!r}"
    for move in rule.get("Transitions", ()):
        yield f"{name} moves objects to {move.get('StorageClass')} {_when(move)}"
    if {"Days", "Date"} & rule.get("Expiration", {}).keys():
        yield f"{name} deletes objects {_when(rule['Expiration'])}"
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        yield f"{name} aborts uploads after {abort.get('DaysAfterInitiation')} days"


def _when(told: dict[str, Any]) -> str:
    return f"after {told['Days']} days" if "Days" in told else f"on {told.get('Date')}"
