"""Asserts of the shipped suite show their values."""

import pytest

pytest.register_assert_rewrite("stowage_runtime.testing")
