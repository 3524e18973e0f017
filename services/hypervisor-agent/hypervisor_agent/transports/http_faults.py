"""What goes wrong while an HTTP source is read, as errors of ours."""

import aiohttp
from stowage_contracts.errors import SourceRefused, StowageError

from hypervisor_agent.transports.http_client import dropped

BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


def named(error: BaseException, shown: str) -> BaseException:
    """The error to raise instead; what is no fault of the source comes back as it is."""
    if isinstance(error, StowageError):
        error.resource = error.resource or shown
        return error
    if isinstance(error, BROKEN):
        return dropped(error, shown)
    if isinstance(error, ValueError):  # from something in the answer that no honest server sends
        kind = type(error).__name__
        return SourceRefused(f"its answer makes no sense ({kind})", resource=shown, code="answer")
    return error
