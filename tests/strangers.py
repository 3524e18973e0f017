"""Packages of ``examples/`` installed as a stranger would: into a folder of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
SECONDS = 100


def run(*argv: str, cwd: Path, path: Path | None = None) -> str:
    """What a program printed; it must end well. ``path``: where it finds installed packages."""
    env = dict(os.environ) | ({"PYTHONPATH": _joined(path)} if path else {})
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(name: str, folder: Path) -> Path:
    """A folder with nothing but the package, built from a copy of its sources."""
    source, target = folder / name, folder / "site"
    shutil.copytree(EXAMPLES / name, source, ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--target", str(target))
    run(sys.executable, "-m", "pip", "install", *options, str(source), cwd=source)
    return target


def run_suite(name: str, site: Path, folder: Path) -> str:
    """The package's own tests, away from its sources."""
    shutil.copytree(EXAMPLES / name / "tests", folder / "tests")
    shutil.copy(EXAMPLES / name / "pyproject.toml", folder)
    quiet = ("-q", "-p", "no:cacheprovider", "tests")
    return run(sys.executable, "-m", "pytest", *quiet, cwd=folder, path=site)


def _joined(path: Path) -> str:
    return os.pathsep.join(filter(None, (str(path), os.environ.get("PYTHONPATH", ""))))
