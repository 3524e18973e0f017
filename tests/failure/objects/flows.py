"""What happens to objects while a process is killed, and what must come of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.deployment import API_KEY
from tests.e2e.operator import ZONE
from tests.e2e.sources import MIB, Source, image, serving
from tests.failure.objects.leftovers import files
from tests.failure.objects.stage import Stage, until

SIZE = 12 * MIB


@dataclass
class Flow:
    """One object on its way; ``number`` tells it from the others."""

    stage: Stage
    number: int
    content: bytes = field(init=False, repr=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.content, self.id = image(SIZE, self.number), f"t{self.number}"

    async def prepare(self) -> None:
        """Before the blow."""

    async def begin(self) -> None:
        """What leads to the blow."""
        raise NotImplementedError

    async def end(self) -> dict[str, Any]:
        """The template once all that was wished for is there."""
        return await self.stage.ready(self.id)

    async def register(self, *stores: str) -> dict[str, Any]:
        """The template, Ready on these stores."""
        async with serving(Source(self.content)) as source:
            await self.stage.operator.register(
                source.url,
                id=self.id,
                checksum=source.sha256,
                store_ids=list(stores),
                zone_id=None,
                scope="regionWide",
            )
            return await self.stage.ready(self.id, len(stores))

    async def check_bytes(self, template: dict[str, Any]) -> None:
        """Every replica holds the content."""
        for replica in template["replicas"]:
            assert await self._stored(replica["store_id"]) == self.content, replica

    async def _stored(self, store_id: str) -> bytes:
        (ref,) = await self.stage.rows(f"""
            SELECT r.install_path AS key, s.settings ->> 'root' AS root
            FROM image_store.object_store_ref r JOIN image_store.image_data_store s
            ON s.id = r.store_id WHERE r.object_id = '{self.id}' AND s.id = '{store_id}'""")
        if ref["root"]:
            return Path(ref["root"], ref["key"]).read_bytes()
        async with self.stage.server.client() as s3:
            found = await s3.get_object(Bucket=self.stage.bucket, Key=ref["key"])
            async with found["Body"] as body:
                return bytes(await body.read())


class SiblingCopy(Flow):
    """The keeper makes a second replica, from the first."""

    async def prepare(self) -> None:
        await self.register("s1")

    async def begin(self) -> None:
        await self.stage.operator.call("PATCH", f"templates/{self.id}", {"min_copies": 2})

    async def end(self) -> dict[str, Any]:
        return await self.stage.ready(self.id, 2)


class Evacuation(Flow):
    """A store is emptied and removed."""

    async def prepare(self) -> None:
        self.old = f"old{self.number}"
        self.root = await self.stage.operator.directory_store(self.old)
        await self.register(self.old)

    async def begin(self) -> None:
        await self.stage.operator.call("POST", f"stores/{self.old}/evacuate", {"remove": True})

    async def end(self) -> dict[str, Any]:
        async def removed() -> bool:
            return await self.stage.store_state(self.old) == "Removed"

        await until(removed, lambda: f"{self.old} is removed")
        assert files(self.root) == set()
        return await self.stage.ready(self.id)


class Upload(Flow):
    """A client sends its file to the bucket, by the command."""

    store = "rgw"

    async def prepare(self) -> None:
        self.file = self.stage.folder / f"{self.id}.raw"
        self.file.write_bytes(self.content)

    async def begin(self) -> None:
        self.client = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("stowage"),
            *("template", "add", self.id, "--id", self.id, "--format", "raw", "--region"),
            *("--store", self.store, "--upload", self.file),
            env={
                "PATH": os.environ["PATH"],
                "STOWAGE_URL": self.stage.operator.deployment.url,
                "STOWAGE_API_KEY": API_KEY,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def end(self) -> dict[str, Any]:
        async with asyncio.timeout(90):
            told, _ = await self.client.communicate()
        assert self.client.returncode == 0, told.decode()
        self.file.unlink()
        return await self.stage.ready(self.id)


class DoorUpload(Upload):
    """The same, through the agent's door into the directory."""

    store = "s1"


class Scrub(Flow):
    """A byte that flipped is found when the replica is read again, and mended from the bucket."""

    async def prepare(self) -> None:
        await self.register("s1", "rgw")
        self.path = self.stage.folder / "s1" / f"template/tmpl/admin/{self.id}/{self.id}.raw"

    async def begin(self) -> None:
        with self.path.open("r+b") as file:
            file.seek(1000)
            file.write(bytes([self.content[1000] ^ 1]))
        await self.stage.operator.call("POST", f"templates/{self.id}/replicas/s1/verify")

    async def end(self) -> dict[str, Any]:
        async def mended() -> bool:
            return self.path.exists() and self.path.read_bytes() == self.content

        await until(mended, lambda: "the replica is mended")
        return await self.stage.ready(self.id, 2)


class Adoption(Flow):
    """A store of a lost catalogue is taken in."""

    async def prepare(self) -> None:
        await self.register("s1")
        lost, self.id = self.id, f"a{self.number}"
        self.store = f"found{self.number}"
        s1, root = self.stage.folder / "s1", self.stage.folder / self.store
        for top in (Path(), Path(".stowage/notes")):
            key = Path(f"template/tmpl/admin/{lost}/{lost}.raw")
            await until(self._is_there(s1 / top / key), lambda: "the manifest is written")
            new = root / top / key.parents[1] / self.id / f"{self.id}.raw"
            new.parent.mkdir(parents=True)
            shutil.copy(s1 / top / key, new)
        new.write_text(new.read_text().replace(f'"{lost}"', f'"{self.id}"'))
        await self.stage.operator.call("DELETE", f"templates/{lost}")
        await self.stage.operator.directory_store(self.store)

    @staticmethod
    def _is_there(path: Path) -> Any:
        async def look() -> bool:
            return path.exists()

        return look

    async def begin(self) -> None:
        await self.stage.operator.call("POST", f"stores/{self.store}/adopt")


class ServerSideCopy(Flow):
    """An object of a known server is copied there."""

    async def prepare(self) -> None:
        async with self.stage.server.client() as s3:
            await s3.put_object(Bucket=self.stage.imports, Key=self.id, Body=self.content)

    async def begin(self) -> None:
        url = f"s3://{self.stage.imports}/{self.id}"
        await self.stage.operator.register(url, id=self.id, zone_id=ZONE)
