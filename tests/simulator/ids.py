"""Ids of a run come from its seed, so that the seed alone replays it."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from uuid import UUID

import pytest
from stowage_contracts import values


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it ``new_id`` draws from the seed."""
    random = Random(seed)

    def drawn() -> UUID:
        return UUID(int=random.getrandbits(128), version=4)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "uuid4", drawn)
        yield
