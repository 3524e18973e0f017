"""Servers written in Python: each in a venv of its own, at pinned versions."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tests.servers.process import run

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"


def venv(name: str) -> Path:
    """The folder of programs of that venv, made at first use (10 s for Swift, 35 s for Keystone).

    The lock of the one kind of server that uses it is held by the caller.
    """
    wanted = REQUIREMENTS / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = REPOSITORY / ".servers" / f"venv-{name}-{digest}"
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder], 120)
        pip = (folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check")
        run([*pip, "-r", wanted], 900)
        ready.touch()
    return folder / "bin"
