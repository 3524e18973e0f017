"""Sharing running servers: the first user starts one, the last one to leave stops it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.kinds import KINDS
from tests.servers.process import Process, ServerError
from tests.servers.server import Server

REPOSITORY = Path(__file__).resolve().parents[2]
PINNED = "pinned"


def state_folder() -> Path:
    """Where servers keep their state: outside the repository, as user postgres must get there."""
    clone = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]
    default = Path(tempfile.gettempdir()) / f"stowage-servers-{os.getuid()}-{clone}"
    return Path(os.environ.get("STOWAGE_TEST_STATE", default))


def acquire(name: str, user: str | None = None) -> Server:
    """The running server of that name (`rabbitmq`, or `rabbitmq.mine` for one's own), for a user.

    Raises ServerError when it cannot be started.
    """
    with _locked(name) as directory:
        server = server_in(directory)
        if not server.alive():
            server.destroy()
            _start(server)
        _users(directory).mkdir(parents=True, exist_ok=True)
        (_users(directory) / (user or _me())).touch()
    return server


def release(name: str, user: str | None = None) -> list[str]:
    """Leave a server, which ends with its last living user; answers who still uses it."""
    with _locked(name) as directory:
        (_users(directory) / (user or _me())).unlink(missing_ok=True)
        left = users(name)
        if not left:
            server_in(directory).destroy()
            shutil.rmtree(_users(directory), ignore_errors=True)
    _remove_if_empty(state_folder())
    return left


def mine(name: str) -> bool:
    """Whether this process uses that server already."""
    return _me() in users(name)


def leave_all() -> None:
    """Leave every server this process uses, and end those whose users have all died."""
    for name in names():
        release(name)


def users(name: str) -> list[str]:
    """Who lives and uses that server: `pid-start`, or `pinned`."""
    folder = _users(state_folder() / name)
    return sorted(user.name for user in folder.glob("*") if _living(user.name))


def names() -> list[str]:
    """The names of all servers that have state here."""
    found = (path.name for path in state_folder().glob("*") if path.is_dir())
    return sorted({name.removesuffix(".users") for name in found})


def server_in(directory: Path) -> Server:
    """The server that lives, or will live, in that directory; its name says of what kind."""
    return KINDS[_kind(directory.name)](directory)


def _start(server: Server) -> None:
    server.directory.mkdir(mode=0o755, parents=True)
    try:
        server.start()
    except BaseException:
        server.destroy()
        raise


@contextmanager
def _locked(name: str) -> Iterator[Path]:
    """One at a time for each kind; the locks lie apart, so that no state stays behind."""
    locks = REPOSITORY / ".servers"
    locks.mkdir(exist_ok=True)
    with (locks / f"{_kind(name)}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _create_state_folder()
        yield state_folder() / name


def _create_state_folder() -> None:
    folder = state_folder()
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ServerError(f"{folder} belongs to somebody else")


def _users(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.users")


def _me() -> str:
    me = Process.current()
    return f"{me.pid}-{me.started}"


def _living(user: str) -> bool:
    known = re.fullmatch(r"(\d+)-(\d+)", user)
    return user == PINNED or bool(known and Process(int(known[1]), int(known[2])).alive())


def _kind(name: str) -> str:
    return name.partition(".")[0]


def _remove_if_empty(folder: Path) -> None:
    # another process may be putting its server there, or have removed it already
    with suppress(OSError):
        folder.rmdir()
