"""Breaks a world as a plan says, and mends all of it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg
from aio_pika.exceptions import ChannelNotFoundEntity

from tests.e2e.deployment import PACKAGES
from tests.failure.chaos import disks, packets
from tests.failure.chaos.plan import Fault
from tests.failure.chaos.shovel import GONE
from tests.failure.chaos.world import World
from tests.servers.server import Server

HELD_SECONDS = 20.0
STEP_SECONDS = 12.0
"""How long a kill waits for its step."""
LOOK_SECONDS = 0.3


@dataclass
class Log:
    """What happened, when, from the start of the run."""

    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.lines.append(f"{time.monotonic() - self.began:6.2f}  {text}")


@dataclass
class Ruin:
    """The hand that breaks; ``supervise`` starts again whatever ended by itself."""

    world: World
    chance: Random
    log: Log
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    killed: set[str] = field(default_factory=set)

    async def strike(self, fault: Fault) -> None:
        """Break, wait, mend that one thing."""
        strikes: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "kill at": self._kill_at,
            "doom": self._doom,
            "freeze": self._freeze,
            "cut": self._cut,
            "slow": self._slow,
            "broker": self._broker,
            "database": self._database,
            "repeat": self._repeat,
            "hold": self._hold,
            "clock": self._clock,
            "fill": self._fill,
        }
        await asyncio.sleep(fault.at)
        await strikes[fault.what](fault)

    async def supervise(self) -> None:
        """As an init system does, until cancelled."""
        while True:
            for name, process in list(self.world.deployment.processes.items()):
                if process.returncode is not None and not self.locks[name].locked():
                    self.log(f"{name} ended by itself with {process.returncode}: started again")
                    await self.world.deployment.launch(name)
            await asyncio.sleep(LOOK_SECONDS)

    async def mend(self) -> None:
        """Everything runs again, and is ready."""
        await self._connect()
        for disk in self.world.kit.disks:
            disks.relieve(self.world.folder / disk)
        for server in (self.world.broker, self.world.database):
            if not server.alive():
                await asyncio.to_thread(server.start)
        for service in list(self.world.shovel.held):
            await self._release(service)
        for service in PACKAGES:
            await self._shift(service, 0)
        await self._time_passes()
        for name in (*PACKAGES, *self.world.kit.agents):
            async with self.locks[name]:
                await self._up(name)
        self.log("all is mended")

    async def _connect(self) -> None:
        if self.world.kit.drops:
            packets.pass_all()
        for wire in self.world.wires.values():
            wire.delay = 0.0
            await wire.restore()

    async def _up(self, name: str) -> None:
        deployment = self.world.deployment
        process = deployment.processes.get(name)
        if process is None or process.returncode is not None:
            await deployment.launch(name)
        else:
            process.send_signal(signal.SIGCONT)
        await deployment.ready(name)

    async def _kill(self, fault: Fault) -> None:
        name = fault.target
        async with self.locks[name]:
            await self._end(name)
            self.log(f"killed {name}")
            await asyncio.sleep(fault.seconds)
            await self.world.deployment.launch(name)

    async def _end(self, name: str) -> None:
        self.killed.add(name)
        if name in self.world.deployment.processes:
            with suppress(ProcessLookupError):
                await self.world.deployment.kill(name)

    async def _kill_at(self, fault: Fault) -> None:
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await self.world.shovel.heard(fault.detail)
        except TimeoutError:
            self.log(f"{fault.detail} was not heard: {fault.target} lives")
            return
        self.log(f"{fault.detail} was heard")
        await self._kill(fault)

    async def _doom(self, fault: Fault) -> None:
        """It dies by itself when its next hop comes to that step."""
        name = fault.target
        options = self.world.options[name.partition(":")[2]]
        doomed = {**options, "faults": {"crash_at": fault.detail}}
        async with self.locks[name]:
            await self._start_with(name, doomed)
            self.log(f"{name} will die at {fault.detail}")
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    status = await self.world.deployment.processes[name].wait()
                    self.log(f"{name} died with {status}")
            await self._start_with(name, options)

    async def _start_with(self, name: str, options: dict[str, Any]) -> None:
        await self._end(name)
        self.world.deployment.own[name]["STOWAGE_AGENT_OPTIONS"] = json.dumps(options)
        await self.world.deployment.launch(name)

    async def _freeze(self, fault: Fault) -> None:
        process = self.world.deployment.processes.get(fault.target)
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGSTOP)
        self.log(f"{fault.target} is frozen")
        await asyncio.sleep(fault.seconds)
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            self.log(f"{fault.target} wakes up")

    async def _cut(self, fault: Fault) -> None:
        wire = self.world.wires[fault.target]
        self.log(f"{fault.target} is cut ({fault.detail})")
        if fault.detail == "reset":
            await wire.cut()
        elif fault.detail == "stall":
            wire.stall()
        else:
            packets.drop(wire.port)
        await asyncio.sleep(fault.seconds)
        if fault.detail == "drop":
            packets.pass_all()
        await wire.restore()
        self.log(f"{fault.target} is whole")

    async def _slow(self, fault: Fault) -> None:
        wire = self.world.wires[fault.target]
        wire.delay = float(fault.detail)
        self.log(f"{fault.target} is slow ({fault.detail} s)")
        await asyncio.sleep(fault.seconds)
        wire.delay = 0.0

    async def _broker(self, fault: Fault) -> None:
        await self._server("the broker", self.world.broker, fault)

    async def _database(self, fault: Fault) -> None:
        await self._server("the database", self.world.database, fault)

    async def _server(self, name: str, server: Server, fault: Fault) -> None:
        async with self.locks[name]:
            await asyncio.to_thread(server.kill if fault.target == "kill" else server.stop)
            self.log(f"{name} is away ({fault.target})")
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(server.start)
            self.log(f"{name} is back")

    async def _repeat(self, fault: Fault) -> None:
        try:
            said = await self.world.shovel.repeat(self.chance, int(fault.detail))
        except GONE:
            said = 0
        self.log(f"{said} old messages were said again")

    async def _hold(self, fault: Fault) -> None:
        try:
            await self.world.shovel.hold(fault.target)
        except GONE:
            self.log("nothing is held back: the broker is away")
        self.log(f"messages for {fault.target} are held back")
        await asyncio.sleep(fault.seconds)
        if fault.target in self.world.shovel.held:
            await self._release(fault.target)

    async def _release(self, service: str) -> None:
        async with asyncio.timeout(HELD_SECONDS), self.locks[f"held {service}"]:
            while service in self.world.shovel.held:
                try:
                    count = await self.world.shovel.release(service, self.chance)
                    self.log(f"{count} messages for {service} come late and mixed")
                except ChannelNotFoundEntity:  # given back before the broker died
                    del self.world.shovel.held[service]
                except GONE:
                    await asyncio.sleep(LOOK_SECONDS)

    async def _clock(self, fault: Fault) -> None:
        with suppress(OSError, asyncpg.PostgresError):
            await self._shift(fault.target, int(fault.detail))
            self.log(f"{fault.target}'s clock jumps {fault.detail} s")
            await asyncio.sleep(fault.seconds)
            await self._shift(fault.target, 0)

    async def _shift(self, service: str, seconds: int) -> None:
        schema = PACKAGES[service]
        await self.sql(f"UPDATE {schema}.clock SET shift = make_interval(secs => {seconds})")

    async def _time_passes(self) -> None:
        """What the dead had begun is taken up at once instead of after its lease."""
        for service in self.killed & set(PACKAGES):
            schema = PACKAGES[service]
            await self.sql(f"UPDATE {schema}.intents SET leased_until = {schema}.stowage_now()")

    async def sql(self, statement: str) -> None:
        """Straight to the database, past every wire."""
        connection = await asyncpg.connect(self.world.deployment.backing.database_url, timeout=10)
        try:
            await connection.execute(statement, timeout=10)
        finally:
            await connection.close()

    async def _fill(self, fault: Fault) -> None:
        folder = self.world.folder / fault.target
        await asyncio.to_thread(disks.fill, folder)
        self.log(f"{fault.target} is full")
        await asyncio.sleep(fault.seconds)
        disks.relieve(folder)
        self.log(f"{fault.target} has room")
