"""The same deployment as the end-to-end tests have, to be broken."""

from tests.e2e.conftest import backing, operator

__all__ = ["backing", "operator"]
