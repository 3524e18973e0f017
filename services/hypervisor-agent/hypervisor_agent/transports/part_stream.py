"""A part longer than a buffer, sent while its slices are still being read."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from stowage_contracts.errors import Unavailable

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.http_put import SLICE, Slices, check_etag

Send = Callable[[Slices], Awaitable[str]]
"""PUTs a body; answers the ETag."""


class PartStream:
    """One PUT in flight. A failure of any slice is the failure of the part."""

    def __init__(self, send: Send, name: str, threads: Threads) -> None:
        self._name, self._threads = name, threads
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._slices: asyncio.Queue[memoryview] = asyncio.Queue(1)
        self._task = asyncio.create_task(self._send(send))

    async def push(self, view: memoryview) -> None:
        """The next slice; returns when its buffer may be used again."""
        hashing = asyncio.create_task(self._threads.run(self._md5.update, view))
        try:
            await self._until_done(self._slices.put(view))
            await self._until_done(self._slices.join())
        finally:
            await asyncio.wait([hashing])

    async def end(self) -> None:
        """Wait for the answer and compare its ETag."""
        check_etag(await self._task, self._md5.hexdigest(), self._name)

    async def stop(self) -> None:
        """Break the request off; idempotent."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _send(self, send: Send) -> str:
        return await send(self._body())

    async def _body(self) -> Slices:
        while True:
            view = await self._slices.get()
            for at in range(0, len(view), SLICE):
                # The event loop may keep what it was given beyond this step, so it gets a copy.
                yield bytes(view[at : at + SLICE])
            self._slices.task_done()

    async def _until_done(self, work: Awaitable[None]) -> None:
        """``work``, unless the request ends before."""
        step = asyncio.ensure_future(work)
        try:
            await asyncio.wait([step, self._task], return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                await self._task
                raise Unavailable("the store answered early", resource=self._name, code="store")
        finally:
            step.cancel()
