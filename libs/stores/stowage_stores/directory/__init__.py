"""A directory as a store: a local disk, or an NFS or other mount the operator keeps."""

from stowage_stores.directory.driver import DirectoryDriver
from stowage_stores.directory.provider import DirectoryProvider, DirectorySettings

__all__ = ["DirectoryDriver", "DirectoryProvider", "DirectorySettings"]
