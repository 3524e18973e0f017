"""pytest plug-in that lets the contract suites explain their failed asserts."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
pytest.register_assert_rewrite(
    *(f"stowage_contracts.testing.{file.stem}" for file in _HERE.glob("*_suite*"))
)
