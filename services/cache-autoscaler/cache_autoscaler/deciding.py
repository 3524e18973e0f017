"""Why things are as they are: every decision is kept with the figures it rests on."""

from typing import Any

from stowage_runtime.handling.tx import Tx


async def decide(tx: Tx, kind: str, subject: str, reason: str, **details: Any) -> bool:
    """Keep a decision; one that only repeats the last of its subject is not written again.

    Answers whether it was new.
    """
    return bool(await tx.run("decide", kind, subject, reason, details))
