"""A foreign store, installed as a stranger would, is found and keeps the contract."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ACME = Path(__file__).parents[3] / "examples" / "acme-store"
FIND = """
from importlib.metadata import entry_points
(found,) = entry_points(group="stowage.data_store_provider", name="acme")
provider = found.load()()
settings = provider.settings.model_validate({"folder": "/nowhere"})
scheme = provider.open(settings).can.schemes[0]
print(provider.name, scheme, found.dist.name, found.load().__module__)
"""


def run(*argv: str, cwd: Path, path: Path | None = None) -> str:
    env = dict(os.environ) | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the package, built from a copy of its sources."""
    source = tmp_path_factory.mktemp("source") / "acme-store"
    target = tmp_path_factory.mktemp("site")
    shutil.copytree(ACME, source)
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        str(target),
        str(source),
        cwd=source,
    )
    return target


def test_it_is_found_by_its_entry_point(installed: Path, tmp_path: Path) -> None:
    said = run(sys.executable, "-c", FIND, cwd=tmp_path, path=installed)
    assert said.split() == ["Acme", "file", "acme-store", "acme_store.provider"]


def test_it_depends_on_the_contracts_only(installed: Path) -> None:
    metadata = (installed / "acme_store-1.0.0.dist-info" / "METADATA").read_text()
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert needs[0] == "Requires-Dist: stowage-contracts"
    source = "".join(file.read_text() for file in (installed / "acme_store").glob("*.py"))
    for ours in ("stowage_runtime", "stowage_stores"):
        assert ours not in source


def test_it_passes_the_shipped_suite(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ACME / "tests", tmp_path / "tests")
    shutil.copy(ACME / "pyproject.toml", tmp_path)
    said = run(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests",
        cwd=tmp_path,
        path=installed,
    )
    assert "passed" in said
    assert "failed" not in said
