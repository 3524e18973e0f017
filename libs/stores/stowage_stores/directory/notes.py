"""Notes: small texts beside objects, in ``<root>/.stowage/notes``, never listed."""

import contextlib
from hashlib import sha256
from pathlib import PurePosixPath

from stowage_contracts.errors import InvalidInput, NotFound, Unavailable
from stowage_contracts.keys import check_key

from stowage_stores.directory.tree import OBJECT_MODE, Tree

_LONGEST = 64 << 10
_ATTEMPTS = 5
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def write(tree: Tree, key: str, text: str) -> None:
    """Replace the note as one step; raises InvalidInput beyond 64 KiB."""
    note, content = _path(tree, key), text.encode()
    if len(content) > _LONGEST:
        raise InvalidInput("a note has at most 64 KiB", resource=key, code="note")
    tree.check_root()
    tree.make_folder(tree.own)
    fresh = _fresh(tree, key)
    with contextlib.suppress(*_ABSENT):  # of a writer that was killed
        tree.files.remove(fresh)
    try:
        tree.files.write(fresh, content, OBJECT_MODE)
    except FileExistsError:
        raise Unavailable("its note is being written", resource=key, code="busy") from None
    for _ in range(_ATTEMPTS):  # a delete next door may take the empty folder away
        tree.make_folder(note.parent)
        with contextlib.suppress(FileNotFoundError):
            tree.files.rename(fresh, note)
            tree.files.sync_folder(note.parent)
            return
    raise Unavailable("the notes' folder vanishes", resource=key, code="busy")


def read(tree: Tree, key: str) -> str:
    """Raises NotFound."""
    try:
        return tree.files.read(_path(tree, key), _LONGEST).decode(errors="replace")
    except _ABSENT:
        tree.check_root()
        raise NotFound("no note", resource=key) from None


def remove(tree: Tree, key: str) -> None:
    """Idempotent; takes folders it leaves empty along."""
    note = _path(tree, key)
    with contextlib.suppress(*_ABSENT):  # of a writer that was killed
        tree.files.remove(_fresh(tree, key))
    try:
        tree.files.remove(note)
    except _ABSENT:
        return
    tree.files.sync_folder(note.parent)
    tree.prune(note.parent, tree.own)


def _fresh(tree: Tree, key: str) -> PurePosixPath:
    """The same for each writing of a key, so that the next one takes up what a killed one left."""
    return tree.own / f"note-{sha256(key.encode()).hexdigest()[:32]}.new"


def _path(tree: Tree, key: str) -> PurePosixPath:
    return tree.own / "notes" / check_key(key)
