"""How an object is written: a part, then one atomic step that never overwrites."""

import contextlib
import errno
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath

from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.plugins.image_store_driver import (
    CommitAsk,
    ObjectStat,
    OpenWrite,
    RevokeAsk,
    WriteAsk,
)

from stowage_stores.directory.tree import OBJECT_MODE, PART_MODE, PROBE, Tree, described
from stowage_stores.files import Found

_ATTEMPTS = 5
_MARKER_BYTES = 16 * 1024


def begin(tree: Tree, ask: WriteAsk) -> PurePosixPath:
    """The writer's part, created empty if new; raises Conflict when the key is taken.

    The part is made here, group-writable, because only its owner may link it later.
    """
    tree.check_root()
    part = tree.part(ask.writer)
    if committed(tree, ask.key, ask.writer):
        return part
    if _is_there(tree, tree.path(ask.key)):
        raise Conflict("the key exists", resource=ask.key, code="exists")
    tree.make_folder(tree.own)
    _tell_key(tree, ask)
    tree.files.touch(part, PART_MODE)
    return part


def commit(tree: Tree, ask: CommitAsk) -> ObjectStat:
    """Link the part under its key; each step may be repeated after a crash."""
    tree.check_root()
    target = tree.path(ask.key)
    done = committed(tree, ask.key, ask.writer) or _link_once(tree, ask, target)
    if done.size != ask.size:
        raise _wrong_size(ask, done.size)
    tree.files.sync_folder(target.parent)
    _drop_part(tree, ask.writer)
    return done


def revoke(tree: Tree, ask: RevokeAsk) -> None:
    """Delete the part; a committed object and its marker stay.

    The key may be empty where ``unfinished`` could not tell it.
    """
    _drop_part(tree, ask.writer)
    if ask.key and committed(tree, ask.key, ask.writer) is None:
        _drop(tree, tree.marker(ask.writer))


def committed(tree: Tree, key: str, writer: str) -> ObjectStat | None:
    """The object, if this very writer made it."""
    path = tree.path(key)
    try:
        told = json.loads(tree.files.read(tree.marker(writer), _MARKER_BYTES))
        found = tree.files.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    known = described(key, found)
    return known if told == {"key": key, "validator": known.validator} else None


def unfinished(tree: Tree) -> Iterator[OpenWrite]:
    """Every part there is; its key is empty where nothing tells it any more."""
    try:
        names = dict(tree.files.entries(tree.own))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, found in sorted(names.items()):
        writer = name.removesuffix(".part")
        if writer == name or writer.startswith(PROBE):
            continue
        since = names.get(tree.note_of_key(writer).name, found).modified_ns / 1e9
        began = datetime.fromtimestamp(since, UTC)
        yield OpenWrite(key=_key_of(tree, writer), writer=writer, began=began, size=found.size)


def _tell_key(tree: Tree, ask: WriteAsk) -> None:
    told = tree.note_of_key(ask.writer)
    try:
        tree.files.write(told, ask.key.encode(), PART_MODE)
    except FileExistsError:
        return
    except OSError:
        _drop(tree, told)
        raise


def _key_of(tree: Tree, writer: str) -> str:
    try:
        return tree.files.read(tree.note_of_key(writer), _MARKER_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""


def _link_once(tree: Tree, ask: CommitAsk, target: PurePosixPath) -> ObjectStat:
    try:
        return _link(tree, ask, target)
    except NotFound:  # unless the same commit, running beside this one, was quicker
        done = committed(tree, ask.key, ask.writer)
        if done is None:
            raise
        return done


def _link(tree: Tree, ask: CommitAsk, target: PurePosixPath) -> ObjectStat:
    part = tree.part(ask.writer)
    found = _settle(tree, part, ask)
    known = described(ask.key, found)
    _mark(tree, ask, known)
    for _ in range(_ATTEMPTS):  # a delete next door may take the empty folder away
        try:
            tree.make_folder(target.parent)
            tree.files.link(part, target)
            return known
        except FileExistsError:
            return _already(tree.files.stat(target), found, known)
        except NotADirectoryError:
            raise Conflict("its folder is an object", resource=ask.key, code="key") from None
        except PermissionError as error:  # what some file systems say for "no such ability"
            raise OSError(errno.EOPNOTSUPP, "cannot link the part to its name") from error
        except FileNotFoundError:
            continue
    raise NotFound("the part is gone", resource=ask.key)


def _settle(tree: Tree, part: PurePosixPath, ask: CommitAsk) -> Found:
    try:
        _check(tree.files.stat(part), ask)
        found = tree.files.settle(part, OBJECT_MODE)
    except FileNotFoundError:
        raise NotFound("nothing to commit", resource=ask.key) from None
    _check(found, ask)
    return found


def _check(found: Found, ask: CommitAsk) -> None:
    if not found.is_file or found.size != ask.size:
        raise _wrong_size(ask, found.size)


def _already(there: Found, part: Found, known: ObjectStat) -> ObjectStat:
    if there.same(part):
        return known
    raise Conflict("the key exists", resource=known.key, code="exists")


def _mark(tree: Tree, ask: CommitAsk, known: ObjectStat) -> None:
    marker = tree.marker(ask.writer)
    fresh = marker.with_suffix(f".{secrets.token_hex(4)}.new")
    told = json.dumps({"key": ask.key, "validator": known.validator}).encode()
    tree.files.write(fresh, told, OBJECT_MODE)
    tree.files.rename(fresh, marker)
    tree.files.sync_folder(tree.own)


def _is_there(tree: Tree, path: PurePosixPath) -> bool:
    try:
        tree.files.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _drop_part(tree: Tree, writer: str) -> None:
    _drop(tree, tree.part(writer), tree.journal(writer), tree.note_of_key(writer))


def _drop(tree: Tree, *paths: PurePosixPath) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            tree.files.remove(path)


def _wrong_size(ask: CommitAsk, found: int) -> Conflict:
    return Conflict(
        f"{found} bytes are there, the receipt says {ask.size}",
        resource=ask.key,
        code="size",
        found=found,
        expected=ask.size,
    )
