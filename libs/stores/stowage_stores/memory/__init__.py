"""Objects in this process's memory: for unit tests and first looks."""

from stowage_stores.memory.driver import MemoryDriver
from stowage_stores.memory.provider import MemoryProvider, MemorySettings
from stowage_stores.memory.shelf import Shelf

__all__ = ["MemoryDriver", "MemoryProvider", "MemorySettings", "Shelf"]
