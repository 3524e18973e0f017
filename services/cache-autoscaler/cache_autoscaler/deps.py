"""What cache-autoscaler's handlers and workers are given."""

import asyncio
from dataclasses import dataclass, field

from stowage_contracts.plugins import AutoscaleStrategy, CacheSelector
from stowage_runtime.plugins import Plugins
from stowage_runtime.secrets import Opener, RowCipher
from stowage_runtime.signing import Verifier
from stowage_stores.hosting import Hosted

from cache_autoscaler.settings import Settings


@dataclass(frozen=True)
class Deps:
    """Collaborators, built once in ``__main__.wire``."""

    settings: Settings
    stores: Hosted
    opener: Opener
    cipher: RowCipher
    verifier: Verifier
    selector: CacheSelector
    strategy: AutoscaleStrategy
    """Of fleets that name none."""
    strategies: Plugins
    trials: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Simulations take a whole core: one at a time."""
