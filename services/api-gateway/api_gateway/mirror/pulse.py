"""What this gateway sees of CloudStack right now; the rest of its figures is in the database."""

from dataclasses import dataclass

from api_gateway.mirror.api import CloudStackApi
from api_gateway.mirror.listener import Listener


@dataclass
class Pulse:
    """Both ends of the mirror; None of what is off."""

    listener: Listener | None = None
    api: CloudStackApi | None = None
