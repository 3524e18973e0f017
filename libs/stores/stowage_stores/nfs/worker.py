"""The child process of one NFS store: a directory driver on the export, asked over pipes.

Each line is one JSON object: ``{"id", "call", "value"}`` in, ``{"id", "value" | "problem"}`` out.
It ends when its input does.
"""

import asyncio
import json
import os
import sys
from pathlib import Path, PurePosixPath
from typing import IO, Any

from stowage_contracts.errors import Problem, StowageError

from stowage_stores.directory import DirectoryDriver
from stowage_stores.files import OsFiles
from stowage_stores.nfs.calls import Calls
from stowage_stores.nfs.files import NfsFiles
from stowage_stores.nfs.mounts import MOUNTINFO, mounted_at
from stowage_stores.nfs.url import NfsUrl
from stowage_stores.nfs.wire import LONGEST, Hello


class MountedFiles(OsFiles):
    """Through the kernel's mount; once that is gone, nothing is written to what lay below it."""

    def __init__(self, url: NfsUrl, table: Path = MOUNTINFO) -> None:
        self._url, self._table = url, table

    def is_mount(self, path: PurePosixPath) -> bool:
        """Whether the export still is at ``path``."""
        return mounted_at(self._url, self._table) == path


class Worker:
    """Runs calls side by side."""

    def __init__(self, hello: Hello, out: IO[bytes]) -> None:
        self._url, self._out = NfsUrl.parse(hello.url), out
        mount = mounted_at(self._url)
        self._root = mount or PurePosixPath("/")
        files = MountedFiles(self._url) if mount else NfsFiles(self._url, hello.seconds)
        driver = DirectoryDriver(str(self._root), seconds=hello.seconds, mounted=True, files=files)
        self._calls = Calls(driver, self._url, self._root)

    async def serve(self, lines: asyncio.StreamReader) -> None:
        """Until there are no more."""
        running = set()
        self.say({"id": 0, "value": None})
        while line := await lines.readline():
            task = asyncio.create_task(self._answer(json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)

    async def _answer(self, asked: dict[str, Any]) -> None:
        try:
            value = await self._calls.table[asked["call"]](asked["value"])
        except StowageError as error:
            self.say({"id": asked["id"], "problem": self._shown(error.problem)})
        except Exception as error:
            import traceback

            traceback.print_exc()
            problem = StowageError(f"{type(error).__name__} in {asked['call']}").problem
            self.say({"id": asked["id"], "problem": self._shown(problem)})
        else:
            self.say({"id": asked["id"], "value": value})

    def say(self, answer: dict[str, Any]) -> None:
        """One line; blocks while nobody reads."""
        self._out.write(json.dumps(answer).encode() + b"\n")
        self._out.flush()

    def _shown(self, problem: Problem) -> dict[str, Any]:
        if problem.resource in ("", str(self._root)):
            problem = problem.model_copy(update={"resource": self._url.shown})
        return problem.model_dump(mode="json")


async def _main(out: IO[bytes]) -> None:
    lines = asyncio.StreamReader(LONGEST)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    hello = Hello.model_validate_json(await lines.readline())
    await Worker(hello, out).serve(lines)


def main() -> None:
    """Answers go where standard output went; what libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        asyncio.run(_main(out))
    os._exit(0)  # threads stuck in a dead mount are not waited for


if __name__ == "__main__":
    main()
