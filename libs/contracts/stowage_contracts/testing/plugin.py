"""pytest plug-in that lets the contract suites explain their failed asserts."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    *(f"stowage_contracts.testing.{file.stem}" for file in Path(__file__).parent.glob("*_suite.py"))
)
