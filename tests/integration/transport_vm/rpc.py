"""Just enough of NFS's calls to ask a server who may do what: MOUNT, GETATTR, EXCHANGE_ID."""

from __future__ import annotations

import random
import socket
import struct
from dataclasses import dataclass

MOUNT, NFS = (100005, 20048), (100003, 2049)
ROOT = struct.pack(">5I", 0, 0, 0, 0, 0)
"""AUTH_SYS: stamp, no machine name, user 0, group 0, no more groups."""


class Denied(Exception):
    """The server does not take calls of this caller at all."""


@dataclass(frozen=True)
class Caller:
    """A client with one address, on a port that only root may have."""

    server: str
    source: str = ""

    def mount(self, path: bytes) -> tuple[int, bytes]:
        """MOUNT v3: status and file handle."""
        answer = self._call(MOUNT, 3, 1, _opaque(path))
        status = _number(answer, 0)
        return status, b"" if status else answer[8 : 8 + _number(answer, 4)]

    def exports(self) -> bytes:
        """MOUNT v3 EXPORT, as it comes."""
        return self._call(MOUNT, 3, 5, b"")

    def getattr(self, handle: bytes) -> int:
        """NFS v3 GETATTR: the status."""
        return _number(self._call(NFS, 3, 1, _opaque(handle)), 0)

    def exchange_id(self, minor: int) -> int:
        """NFS v4.x EXCHANGE_ID, with which each session begins: the status."""
        owner = _opaque(b"stowage-test")
        operation = struct.pack(">I", 42) + bytes(8) + owner + struct.pack(">3I", 0, 0, 0)
        return _number(self._call(NFS, 4, 1, struct.pack(">3I", 0, minor, 1) + operation), 0)

    def _call(self, program: tuple[int, int], version: int, procedure: int, body: bytes) -> bytes:
        number, port = program
        head = struct.pack(">6I", 7, 0, 2, number, version, procedure)
        credentials = struct.pack(">2I", 1, len(ROOT)) + ROOT + struct.pack(">2I", 0, 0)
        message = head + credentials + body
        with self._connected(port) as connection:
            connection.sendall(struct.pack(">I", 0x80000000 | len(message)) + message)
            with connection.makefile("rb") as file:
                answer = file.read(_number(file.read(4), 0) & 0x7FFFFFFF)
        if _number(answer, 8):
            raise Denied
        assert _number(answer, 20) == 0, "the server does not know this program or version"
        return answer[24:]

    def _connected(self, port: int) -> socket.socket:
        for own in random.sample(range(700, 1023), 50):
            connection = socket.socket()
            connection.settimeout(15)
            try:
                connection.bind((self.source, own))
                connection.connect((self.server, port))
            except ConnectionError:
                connection.close()
                raise
            except OSError:
                connection.close()
                continue
            return connection
        raise OSError("no port below 1024 is free")


def _opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def _number(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", data, at)[0])
