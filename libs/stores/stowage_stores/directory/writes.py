"""How an object is written: a part, then one atomic step that never overwrites."""

import contextlib
import errno
import json
import os
import secrets
import stat
from pathlib import Path

from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.plugins.image_store_driver import CommitAsk, ObjectStat, RevokeAsk, WriteAsk

from stowage_stores.directory.tree import OBJECT_MODE, PART_MODE, Tree, described, sync_folder

_ATTEMPTS = 5


def begin(tree: Tree, ask: WriteAsk) -> Path:
    """The writer's part, created empty if new; raises Conflict when the key is taken.

    The part is made here, group-writable, because only its owner may link it later.
    """
    tree.check_root()
    part = tree.part(ask.writer)
    if committed(tree, ask.key, ask.writer):
        return part
    if os.path.lexists(tree.path(ask.key)):
        raise Conflict("the key exists", resource=ask.key, code="exists")
    tree.make_folder(tree.own)
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PART_MODE)
    try:
        _set_mode(handle, PART_MODE)
    finally:
        os.close(handle)
    return part


def commit(tree: Tree, ask: CommitAsk) -> ObjectStat:
    """Link the part under its key; each step may be repeated after a crash."""
    tree.check_root()
    target = tree.path(ask.key)
    done = committed(tree, ask.key, ask.writer) or _link_once(tree, ask, target)
    if done.size != ask.receipt.size:
        raise _wrong_size(ask, done.size)
    sync_folder(target.parent)
    _drop(tree.part(ask.writer), tree.journal(ask.writer))
    return done


def revoke(tree: Tree, ask: RevokeAsk) -> None:
    """Delete the part; a committed object and its marker stay."""
    _drop(tree.part(ask.writer), tree.journal(ask.writer))
    if committed(tree, ask.key, ask.writer) is None:
        _drop(tree.marker(ask.writer))


def committed(tree: Tree, key: str, writer: str) -> ObjectStat | None:
    """The object, if this very writer made it."""
    path = tree.path(key)
    try:
        told = json.loads(tree.marker(writer).read_bytes())
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    known = described(key, found)
    return known if told == {"key": key, "validator": known.validator} else None


def _link_once(tree: Tree, ask: CommitAsk, target: Path) -> ObjectStat:
    try:
        return _link(tree, ask, target)
    except NotFound:  # unless the same commit, running beside this one, was quicker
        done = committed(tree, ask.key, ask.writer)
        if done is None:
            raise
        return done


def _link(tree: Tree, ask: CommitAsk, target: Path) -> ObjectStat:
    part = tree.part(ask.writer)
    found = _settle(part, ask)
    known = described(ask.key, found)
    _mark(tree, ask, known)
    for _ in range(_ATTEMPTS):  # a delete next door may take the empty folder away
        try:
            tree.make_folder(target.parent)
            os.link(part, target, follow_symlinks=False)
            return known
        except FileExistsError:
            return _already(target, found, known)
        except NotADirectoryError:
            raise Conflict("its folder is an object", resource=ask.key, code="key") from None
        except PermissionError as error:  # what some file systems say for "no such ability"
            raise OSError(errno.EOPNOTSUPP, "cannot link the part to its name") from error
        except FileNotFoundError:
            continue
    raise NotFound("the part is gone", resource=ask.key)


def _settle(part: Path, ask: CommitAsk) -> os.stat_result:
    try:
        handle = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("nothing to commit", resource=ask.key) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size != ask.receipt.size:
            raise _wrong_size(ask, found.st_size)
        _set_mode(handle, OBJECT_MODE)
        os.fsync(handle)
        return found
    finally:
        os.close(handle)


def _already(target: Path, part: os.stat_result, known: ObjectStat) -> ObjectStat:
    if os.path.samestat(target.lstat(), part):
        return known
    raise Conflict("the key exists", resource=known.key, code="exists")


def _mark(tree: Tree, ask: CommitAsk, known: ObjectStat) -> None:
    marker = tree.marker(ask.writer)
    fresh = marker.with_suffix(f".{secrets.token_hex(4)}.new")
    with fresh.open("w") as file:
        json.dump({"key": ask.key, "validator": known.validator}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(marker)
    sync_folder(tree.own)


def _set_mode(handle: int, mode: int) -> None:
    if os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, mode)


def _drop(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def _wrong_size(ask: CommitAsk, found: int) -> Conflict:
    return Conflict(
        f"{found} bytes are there, the receipt says {ask.receipt.size}",
        resource=ask.key,
        code="size",
        found=found,
        expected=ask.receipt.size,
    )
