"""Reaching an export, and what its failures mean."""

import ctypes
import errno
import math
import os
import socket
from urllib.parse import urlencode

from stowage_contracts.errors import StowageError, Unavailable

from stowage_stores.nfs.layouts import Stat
from stowage_stores.nfs.libnfs import Connection
from stowage_stores.nfs.url import PORT, NfsUrl

LOST = frozenset(
    (
        *(errno.EIO, errno.EINTR, errno.ESTALE, errno.EFAULT, errno.EPIPE),
        *(errno.ENOTCONN, errno.ECONNRESET, errno.ETIMEDOUT, errno.EAGAIN),
    )
)
"""After one of these a connection is of no more use: gone, in disorder, or of an export gone."""
_AS_PLACED = {"auto-traverse-mounts": 0, "autoreconnect": 0, "dircache": 0, "tcp-syncnt": 2}


def connect(url: NfsUrl, seconds: float) -> Connection:
    """Mount the export of ``url``; each later call waits ``seconds`` at most.

    Raises Unavailable: name, server, stuck, denied, missing, no_libnfs, version.
    """
    if url.version != 3:
        raise Unavailable(
            "libnfs cannot write over NFS 4",
            resource=url.shown,
            code="version",
            hint="say version=3, or mount the export on this machine",
        )
    address = _resolved(url)
    options = urlencode(_AS_PLACED | {"auto-traverse-mounts": int(url.traverse)} | url.options)
    connection = Connection(options, 1000 * math.ceil(seconds))
    try:
        connection.call("nfs_mount", address.encode(), bytes(url.export))
    except OSError as error:
        connection.close()
        raise _refusal(error, url) from error
    return connection


def alive(connection: Connection) -> bool:
    """Whether it still leads to the export it was made for."""
    try:
        connection.call("nfs_stat64", b"/", ctypes.byref(Stat()))
    except OSError as error:
        return error.errno not in LOST
    return True


def lost(error: OSError, url: NfsUrl) -> StowageError:
    """The StowageError for one of LOST."""
    if error.errno == errno.ESTALE:
        return _said(url, "stale", "what was exported is gone", "is the right disk mounted there?")
    if error.errno in (errno.EINTR, errno.ETIMEDOUT):
        return _said(url, "stuck", "the server does not answer", "is it up?")
    return _said(url, "server", "the connection to the server was lost", "is it up?")


def _resolved(url: NfsUrl) -> str:
    try:
        found = socket.getaddrinfo(url.server, url.nfsport or PORT, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _said(url, "name", "the server's name is unknown", "check its spelling") from error
    return str(found[0][4][0])


def _refusal(error: OSError, url: NfsUrl) -> StowageError:
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "is that path exported, to this machine, and to ports above 1023 (insecure)?"
        return _said(url, "denied", "the server does not offer it to us", hint)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return _said(url, "missing", os.strerror(error.errno), "check the path of the export")
    if error.errno in (errno.EINTR, errno.ETIMEDOUT):
        return _said(url, "stuck", "the server does not answer", "is it up?")
    hint = "is an NFS server there? Behind a firewall, give nfsport and mountport"
    return _said(url, "server", "the server cannot be reached", hint)


def _said(url: NfsUrl, code: str, cause: str, hint: str) -> Unavailable:
    return Unavailable(cause, resource=url.shown, code=code, hint=hint)
