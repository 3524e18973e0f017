"""One file of an NFS export, open on several connections so that several calls are under way."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_void_p

from stowage_stores.nfs.connecting import LOST, connect, lost
from stowage_stores.nfs.libnfs import Connection
from stowage_stores.nfs.url import NfsUrl

Handle = tuple[Connection, c_void_p]


class NfsHandles:
    """Lends a connection with the open file to one thread at a time. Blocking.

    A connection that was lost is replaced by a new one only while ``redial`` allows it: a writer
    must not miss that a server forgot what was not yet committed.
    """

    def __init__(self, url: NfsUrl, flags: int, seconds: float) -> None:
        self.url, self._flags, self._seconds = url, flags, seconds
        self.redial = True
        self._lock = threading.Lock()
        self._idle: list[Handle] = []
        self._lent: set[Connection] = set()
        self._ended = False

    @property
    def usable(self) -> bool:
        """Whether a call may still succeed."""
        return not self._ended

    def dial(self, count: int) -> None:
        """Have so many connections ready. Raises OSError and Unavailable."""
        for _ in range(count):
            self._idle.append(self._open())

    @contextmanager
    def use(self) -> Iterator[Handle]:
        """A connection and the file on it. Raises OSError, and Unavailable for a lost server."""
        nfs, file = self._take()
        healthy = False
        try:
            yield nfs, file
            healthy = True
        except OSError as error:
            if error.errno in LOST:
                raise self._lost(error) from error
            healthy = True
            raise
        finally:
            self._give_back((nfs, file), healthy)

    def give_up(self) -> None:
        """Wake threads that wait for the server; every call fails from now on."""
        with self._lock:
            self._ended = True
            for nfs in self._lent:
                _break(nfs)

    def close(self) -> None:
        """Give up what is still under way, let go of the rest beside. Waits for no server."""
        self.give_up()
        with self._lock:
            idle, self._idle = self._idle, []
        if idle:
            threading.Thread(target=_end, args=(idle,), daemon=True, name="nfs-close").start()

    def _take(self) -> Handle:
        with self._lock:
            if self._ended:
                raise OSError(9, "the file was closed")
            handle = self._idle.pop() if self._idle else None
            if handle is not None:
                self._lent.add(handle[0])
        if handle is None:
            if not self.redial:
                raise lost(OSError(5, ""), self.url)
            handle = self._open()
            with self._lock:
                self._lent.add(handle[0])
        return handle

    def _open(self) -> Handle:
        nfs = connect(self.url, self._seconds)
        try:
            return nfs, nfs.open(self.url.path, self._flags)
        except BaseException:
            nfs.close()
            raise

    def _give_back(self, handle: Handle, healthy: bool) -> None:
        with self._lock:
            self._lent.discard(handle[0])
            if healthy and not self._ended:
                self._idle.append(handle)
                return
        if healthy:
            _end([handle])
        else:
            handle[0].close()

    def _lost(self, error: OSError) -> Exception:
        if not self.redial:
            self._ended = True
        return lost(error, self.url)


def _break(nfs: Connection) -> None:
    try:
        with socket.socket(fileno=os.dup(nfs.fileno)) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was not connected any more


def _end(handles: list[Handle]) -> None:
    for nfs, file in handles:
        try:
            nfs.call("nfs_close", file)
        except OSError:
            continue  # the server is gone, and with it what was to be closed
        finally:
            nfs.close()
