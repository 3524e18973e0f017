"""What is moved: objects on one end, keys for them on the other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypervisor_agent.engine.digest import TreeDigest, leaves
from stowage_contracts.plugins import DataStoreProvider, ImageStoreDriver
from stowage_contracts.values import TREE_LEAF, Value
from stowage_stores.directory import DirectoryProvider
from stowage_stores.nfs import NfsProvider
from stowage_stores.s3 import S3Provider
from stowage_stores.swift import SwiftProvider

PROVIDERS: dict[str, type[DataStoreProvider]] = {
    "S3": S3Provider,
    "Swift": SwiftProvider,
    "NFS": NfsProvider,
    "directory": DirectoryProvider,
}
MIB = 1 << 20


class Side(Value):
    """A store, told so that another process can open it."""

    provider: str
    settings: dict[str, Any]

    def open(self) -> ImageStoreDriver:
        """A driver at its own defaults, page and part sizes included."""
        provider = PROVIDERS[self.provider]()
        return provider.open(provider.settings.model_validate(self.settings))

    @property
    def root(self) -> tuple[str, ...]:
        """What an agent must see of it."""
        return (self.settings["root"],) if self.provider == "directory" else ()


class Item(Value):
    """One object."""

    source: str
    destination: str
    digest: str


@dataclass(frozen=True)
class Batch:
    """Files of the same size in one folder."""

    name: str
    folder: Path
    count: int
    each: int
    digests: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """In order."""
        return [self.folder / f"{number:04}.raw" for number in range(self.count)]

    @property
    def size(self) -> int:
        """Of all."""
        return self.count * self.each

    def into(self, place: str) -> list[Item]:
        """Each file under a prefix of a store."""
        pairs = zip(self.files, self.digests, strict=True)
        return [Item(source=f.name, destination=f"{place}/{f.name}", digest=d) for f, d in pairs]

    def back(self, place: str) -> list[Item]:
        """Each object of a prefix as a file of the same name."""
        return [
            Item(source=item.destination, destination=item.source, digest=item.digest)
            for item in self.into(place)
        ]


def make(folder: Path, name: str, count: int, each: int) -> Batch:
    """Write noise; no two files, and no two MiB of one, are alike."""
    folder.mkdir(parents=True)
    noise = random.Random(1).randbytes(16 * MIB)
    digests = []
    for number in range(count):
        tree = TreeDigest()
        with (folder / f"{number:04}.raw").open("wb") as file:
            for at in range(0, each, TREE_LEAF):
                start = (number * 4099 + at // TREE_LEAF * 7919) % (12 * MIB)
                piece = noise[start : start + min(TREE_LEAF, each - at)]
                tree.put(at, len(piece), leaves(memoryview(piece)))
                file.write(piece)
        digests.append(tree.result(each))
    return Batch(name, folder, count, each, tuple(digests))
