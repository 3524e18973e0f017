"""Names of servers, so that stores on one of them are known to be."""

from hashlib import sha256


def named_server(kind: str, *parts: str) -> str:
    """``<kind>:<hash>`` of what an address and an account are told by; the same for the same."""
    return f"{kind}:{sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"
