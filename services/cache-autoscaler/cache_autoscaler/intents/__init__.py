"""Side effects of cache-autoscaler: probe, adopt, commit, revoke and evict on a store."""

from stowage_runtime.service import IntentKind

from cache_autoscaler.deps import Deps
from cache_autoscaler.intents.adopting import AdoptWork, adopt, adopt_failed
from cache_autoscaler.intents.committing import CommitWork, commit, commit_failed, intend_commit
from cache_autoscaler.intents.evicting import (
    EvictWork,
    RevokeWork,
    delete,
    evict,
    evict_failed,
    intend_evict,
    intend_revoke,
    revoke,
    revoke_failed,
)
from cache_autoscaler.intents.probing import ProbeWork, intend_probe, probe, probe_failed

MANY = 32
"""Calls at once of a kind that may hang: those to one dead store leave room for the others'."""
INTENTS = (
    IntentKind[Deps]("probe", ProbeWork, probe, probe_failed, parallel=MANY),
    IntentKind[Deps]("adopt", AdoptWork, adopt, adopt_failed),
    IntentKind[Deps]("commit", CommitWork, commit, commit_failed, parallel=MANY),
    IntentKind[Deps]("revoke", RevokeWork, revoke, revoke_failed, parallel=MANY),
    IntentKind[Deps]("evict", EvictWork, delete, evict_failed, parallel=MANY),
)

__all__ = [
    "INTENTS",
    "CommitWork",
    "commit_failed",
    "evict",
    "intend_commit",
    "intend_evict",
    "intend_probe",
    "intend_revoke",
]
