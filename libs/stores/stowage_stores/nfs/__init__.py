"""An NFS export as a store, without a mount."""

from stowage_stores.nfs.driver import NfsDriver
from stowage_stores.nfs.provider import NfsProvider, NfsSettings

__all__ = ["NfsDriver", "NfsProvider", "NfsSettings"]
