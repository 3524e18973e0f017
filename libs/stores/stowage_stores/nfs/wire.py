"""What passes between a store's driver and its child process, but for the calls themselves."""

from stowage_contracts.values import Value

LONGEST = 32 * 1024 * 1024
"""Bytes of one line."""


class Hello(Value):
    """The first line in."""

    url: str
    seconds: float
