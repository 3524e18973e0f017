"""One question to a QEMU over the socket in its VM's folder."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from stowage_contracts.errors import Unavailable

SECONDS = 10
LONGEST = 1 << 20


async def ask(socket: Path, command: str, arguments: dict[str, Any], resource: str) -> Any:
    """What it answers. Raises Unavailable: it refuses, or does not answer in time."""
    # The path of a socket is short by law; the folder's may not be.
    folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_unix_connection(
                f"/proc/self/fd/{folder}/{socket.name}", limit=LONGEST
            )
            try:
                await reader.readline()
                await _said(reader, writer, {"execute": "qmp_capabilities"})
                return await _said(reader, writer, {"execute": command, "arguments": arguments})
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        cause = f"QEMU does not answer {command}: {error}"
        raise Unavailable(cause, resource=resource, code="qmp") from error
    finally:
        os.close(folder)


async def _said(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[str, Any]
) -> Any:
    writer.write(json.dumps(asked).encode() + b"\n")
    await writer.drain()
    while line := await reader.readline():
        told = json.loads(line)
        if "return" in told:
            return told["return"]
        if "error" in told:
            raise ValueError(told["error"].get("desc", "it refuses"))
    raise ValueError("it hung up")
