"""A foreign store, installed as a stranger would, is found and keeps the contract."""

import sys
from pathlib import Path

import pytest

from tests.strangers import install, run, run_suite

FIND = """
from importlib.metadata import entry_points
(found,) = entry_points(group="stowage.data_store_provider", name="acme")
provider = found.load()()
settings = provider.settings.model_validate({"folder": "/nowhere"})
scheme = provider.open(settings).can.schemes[0]
print(provider.name, scheme, found.dist.name, found.load().__module__)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("acme-store", tmp_path_factory.mktemp("acme"))


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
    said = run_suite("acme-store", installed, tmp_path)
    assert "passed" in said
    assert "failed" not in said
