"""Child: the process in which a store's calls run, so that none of them can hold the service."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

from stowage_contracts.errors import Problem, Unavailable

from stowage_stores.nfs.wire import LONGEST, Hello

_ARGV = ("-m", "stowage_stores.nfs.worker")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")
_START_SECONDS = 60
_END_SECONDS = 5
_MOST = 256


class Child:
    """One process. Once it has ended every call raises Unavailable; begin another."""

    def __init__(self, process: Process, resource: str) -> None:
        self._process, self._resource = process, resource
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self._answers = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, hello: Hello, resource: str) -> "Child":
        """Raises Unavailable when it does not come up; touches no server yet."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_ARGV,
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
        self = cls(process, resource)
        ready = self._expect(0)
        self._send(hello.model_dump_json())
        try:
            await self._answered(0, ready, _START_SECONDS)
        except BaseException:
            await self.close()
            raise
        return self

    @property
    def alive(self) -> bool:
        """Whether it may be asked."""
        return not self._answers.done() and self._process.returncode is None

    async def ask(self, call: str, value: Any, seconds: float) -> Any:
        """What the call answers, or the StowageError it ends in.

        A child that says nothing for ``seconds`` is killed, and with it what else runs in it.
        """
        if len(self._waiting) >= _MOST:
            raise Unavailable("too many calls at once", resource=self._resource, code="busy")
        self._asked += 1
        number = self._asked
        answer = self._expect(number)
        self._send(json.dumps({"id": number, "call": call, "value": value}))
        return await self._answered(number, answer, seconds)

    def tell(self, call: str, value: Any) -> None:
        """Ask and hear no answer."""
        self._send(json.dumps({"id": -1, "call": call, "value": value}))

    def kill(self) -> None:
        """At once; what runs in it ends in Unavailable."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._fail()

    async def close(self) -> None:
        """It ends when its input does; killed if it doesn't."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        with contextlib.suppress(TimeoutError):  # one the kernel holds is left to the kernel
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        self._answers.cancel()
        await asyncio.wait([self._answers])

    def _expect(self, number: int) -> "asyncio.Future[Any]":
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        return answer

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        if self.alive and not self._process.stdin.is_closing():
            self._process.stdin.write(line.encode() + b"\n")
        else:
            self._fail()

    async def _answered(self, number: int, answer: "asyncio.Future[Any]", seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            self.kill()
            raise self._stuck(f"no answer within {seconds:g} s") from None
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self._settle(json.loads(line))
        finally:
            self._fail()

    def _settle(self, told: dict[str, Any]) -> None:
        answer = self._waiting.get(told["id"])
        if answer is None or answer.done():
            return
        if "problem" in told:
            answer.set_exception(Problem.model_validate(told["problem"]).error())
        else:
            answer.set_result(told["value"])

    def _fail(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._stuck("the process that talks to it was ended"))

    def _stuck(self, cause: str) -> Unavailable:
        return Unavailable(cause, resource=self._resource, code="stuck", hint="is its server up?")
